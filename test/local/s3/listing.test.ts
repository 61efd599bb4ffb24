import { ListObjectsV2Command, PutObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { Bucket, S3UnderTest } from './s3-under-test.ts';

const s3 = new S3UnderTest();
/** In the order of their UTF-8 bytes; as UTF-16 the emoji would come before the last key. */
const keys = ['a', 'a/1', 'a/2', 'a/b/1', 'a/b/2', 'b&<"/x', 'c', 'd/1', 'z\u{1f600}', 'é'];
const surrogateKeys = ['utf/\uff5e', 'utf/\u{1f600}'];

beforeAll(async () => {
  await s3.start();
  const client = s3.client();
  for (const Key of [...keys, ...surrogateKeys].reverse()) {
    await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  }
});
afterAll(() => s3.remove());

async function list(options: object) {
  const found = await s3.client().send(new ListObjectsV2Command({ Bucket, ...options }));
  return {
    found,
    keys: found.Contents?.map(({ Key }) => Key) ?? [],
    prefixes: found.CommonPrefixes?.map(({ Prefix }) => Prefix) ?? [],
  };
}

describe('ListObjectsV2', () => {
  it('tells size, ETag and time of each object', async () => {
    const { found } = await list({ Prefix: 'a/1' });
    expect(found).toMatchObject({ KeyCount: 1, IsTruncated: false, Prefix: 'a/1', Name: Bucket, MaxKeys: 1000 });
    expect(found.Contents).toMatchObject([{ Key: 'a/1', Size: 3, StorageClass: 'STANDARD' }]);
    expect(found.Contents![0]!.ETag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(found.Contents![0]!.LastModified).toBeInstanceOf(Date);
  });

  it('gives keys in the order of their UTF-8 bytes', async () => {
    expect((await list({ Prefix: 'utf/' })).keys).toEqual(surrogateKeys);
    expect((await list({})).keys.filter((key) => !key!.startsWith('utf/'))).toEqual(keys);
  });

  test.each([
    { options: { Delimiter: '/' }, keys: ['a', 'c', 'z\u{1f600}', 'é'], prefixes: ['a/', 'b&<"/', 'd/', 'utf/'] },
    { options: { Prefix: 'a/', Delimiter: '/' }, keys: ['a/1', 'a/2'], prefixes: ['a/b/'] },
    { options: { Prefix: 'a/b' }, keys: ['a/b/1', 'a/b/2'], prefixes: [] },
    { options: { StartAfter: 'd/1' }, keys: [...surrogateKeys, 'z\u{1f600}', 'é'], prefixes: [] },
    { options: { Prefix: 'nothing' }, keys: [], prefixes: [] },
    { options: { MaxKeys: 0 }, keys: [], prefixes: [] },
  ])('answers $options', async ({ options, keys: expectedKeys, prefixes }) => {
    expect(await list(options)).toMatchObject({ keys: expectedKeys, prefixes, found: { IsTruncated: false } });
  });

  test.each([{}, { Delimiter: '/' }, { Prefix: 'a/', Delimiter: '/' }, { StartAfter: 'a/1' }])(
    'pages through %o without losing or repeating an entry',
    async (options) => {
      const whole = await list(options);
      for (const pageSize of [1, 2, 3]) {
        const seen: { keys: unknown[]; prefixes: unknown[] } = { keys: [], prefixes: [] };
        const pages = paginateListObjectsV2({ client: s3.client(), pageSize }, { Bucket, ...options });
        for await (const page of pages) {
          expect(page.KeyCount).toBeLessThanOrEqual(pageSize);
          seen.keys.push(...(page.Contents ?? []).map(({ Key }) => Key));
          seen.prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
        }
        expect(seen).toEqual({ keys: whole.keys, prefixes: whole.prefixes });
      }
    },
  );

  it('refuses a continuation token that it did not give', async () => {
    await expect(list({ ContinuationToken: 'made-up' })).rejects.toMatchObject({ name: 'InvalidArgument' });
  });
});
