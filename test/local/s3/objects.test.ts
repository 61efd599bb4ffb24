import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Bucket, S3UnderTest, accessKeyId } from './s3-under-test.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const s3 = new S3UnderTest();

beforeAll(() => s3.start());
afterAll(() => s3.remove());

const put = (Key: string, Body: string | Readable | Buffer, more: object = {}) =>
  s3.client().send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
const get = (Key: string, more: object = {}) => s3.client().send(new GetObjectCommand({ Bucket, Key, ...more }));
const textOf = async (Key: string, more: object = {}) => (await get(Key, more)).Body!.transformToString();

describe('objects', () => {
  it('come back as they were stored, with their headers, metadata and checksum', async () => {
    const md5 = createHash('md5').update('héllo').digest('hex');
    const stored = await put('a/first.csv', 'héllo', {
      ContentType: 'text/csv',
      ContentEncoding: 'identity',
      CacheControl: 'no-store',
      Metadata: { 'run-id': 'run-1' },
      ChecksumAlgorithm: 'SHA256',
    });
    const found = await get('a/first.csv');
    expect(await found.Body!.transformToString()).toBe('héllo');
    expect(found).toMatchObject({
      ETag: `"${md5}"`,
      ContentLength: 6,
      ContentType: 'text/csv',
      ContentEncoding: 'identity',
      CacheControl: 'no-store',
      Metadata: { 'run-id': 'run-1' },
      ChecksumSHA256: createHash('sha256').update('héllo').digest('base64'),
      ChecksumType: 'FULL_OBJECT',
    });
    expect(stored).toMatchObject({ ETag: found.ETag, ChecksumSHA256: found.ChecksumSHA256 });
    expect(Math.abs(found.LastModified!.getTime() - Date.now())).toBeLessThan(5000);

    const head = await s3.client().send(new HeadObjectCommand({ Bucket, Key: 'a/first.csv' }));
    expect(head).toMatchObject({ ContentLength: 6, ETag: found.ETag, Metadata: { 'run-id': 'run-1' } });
  });

  test.each([
    ['nested beside its parent', ['a', 'a/b', 'a/b/c']],
    ['full of odd characters', ["ü +&'()!*~%2F?#[]@|\\<>\u{1f600}", 'tab\tnull\u0000end', 'double//slash/']],
    ['as long as S3 lets them be', ['ü'.repeat(512), 'x'.repeat(1024)]],
    ['named like the stand-in’s own files', ['.incoming', '.incoming/x']],
  ])('may have keys %s', async (_, keys) => {
    for (const key of keys) await put(key, `body of ${key}`);
    for (const key of keys) expect(await textOf(key)).toBe(`body of ${key}`);
  });

  it('never leave their directory, whatever dots their key holds', async () => {
    const response = await fetch(`${s3.url}/${Bucket}/%2e%2e%2f%2e%2e%2fescape`, { method: 'PUT', body: 'x' });
    expect(response.status).toBe(403);
    await put('dots/..%2f..%2fescape', 'x');
    await put('..hidden/...', 'y');
    expect(await textOf('dots/..%2f..%2fescape')).toBe('x');
    expect((await readdir(s3.directory)).sort()).toEqual(['.incoming', Bucket]);
  });

  it('may not have a key longer than 1024 bytes', async () => {
    await expect(put('ü'.repeat(513), 'x')).rejects.toMatchObject({ name: 'KeyTooLongError' });
  });

  it('may be empty', async () => {
    await put('empty', '', { ContentLength: 0 });
    expect(await textOf('empty')).toBe('');
  });

  it('are replaced whole, metadata and all', async () => {
    await put('twice', 'one', { Metadata: { first: 'yes' } });
    await put('twice', 'the second');
    const found = await get('twice');
    expect(await found.Body!.transformToString()).toBe('the second');
    expect(found.Metadata).toEqual({});
  });

  it('are gone once deleted, and deleting twice is no error', async () => {
    await put('gone', 'x');
    await s3.client().send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
    await s3.client().send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
    await expect(get('gone')).rejects.toMatchObject({ name: 'NoSuchKey', $metadata: { httpStatusCode: 404 } });
    await expect(s3.client().send(new HeadObjectCommand({ Bucket, Key: 'gone' }))).rejects.toMatchObject({
      name: 'NotFound',
    });
  });

  it('outlive a restart, and what was half written does not', async () => {
    await put('kept/ü', 'still here', { Metadata: { a: 'b' }, IfNoneMatch: '*' });
    await s3.restart();
    expect(await textOf('kept/ü')).toBe('still here');
    expect((await get('kept/ü')).Metadata).toEqual({ a: 'b' });
    await expect(put('kept/ü', 'x', { IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    expect(await readdir(join(s3.directory, '.incoming'))).toEqual([]);
  });
});

describe('conditional requests', () => {
  it('write an object once only', async () => {
    await put('once', 'first', { IfNoneMatch: '*' });
    await expect(put('once', 'second', { IfNoneMatch: '*' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
    expect(await textOf('once')).toBe('first');
  });

  it('let exactly one of many racing writers win', async () => {
    const writers = Array.from({ length: 12 }, (_, n) => put('raced', `writer ${n}`, { IfNoneMatch: '*' }));
    const outcomes = await Promise.allSettled(writers);
    const winners = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' ? [`writer ${n}`] : []));
    expect(winners).toEqual([await textOf('raced')]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ name: 'PreconditionFailed' });
    }
  });

  it('read an object only as it was known', async () => {
    const { ETag } = await put('matched', 'x');
    expect(await textOf('matched', { IfMatch: ETag })).toBe('x');
    await expect(get('matched', { IfMatch: '"other"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });
});

describe('ranges', () => {
  beforeAll(() => put('range', '0123456789'));

  test.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
    ['bytes=-99', '0123456789', 'bytes 0-9/10'],
  ])('%s gives %s', async (Range, text, ContentRange) => {
    const found = await get('range', { Range });
    expect(await found.Body!.transformToString()).toBe(text);
    expect(found).toMatchObject({ ContentRange, ContentLength: text.length, $metadata: { httpStatusCode: 206 } });
  });

  test.each(['bytes=10-', 'bytes=-0'])('%s lies outside the object', async (Range) => {
    await expect(get('range', { Range })).rejects.toMatchObject({
      name: 'InvalidRange',
      $metadata: { httpStatusCode: 416 },
    });
  });

  test('one that makes no sense is ignored', async () => {
    expect(await textOf('range', { Range: 'bytes=4-2' })).toBe('0123456789');
  });
});

describe('streamed bodies', () => {
  test.each(['CRC32', 'CRC32C', 'SHA1', 'SHA256'])(
    'are stored without their framing, %s verified',
    async (algorithm) => {
      const pieces = [Buffer.alloc(100_000, 'a'), Buffer.from('b'), Buffer.alloc(70_000, 'c')];
      await put(`streamed-${algorithm}`, Readable.from(pieces), {
        ContentLength: 170_001,
        ContentEncoding: 'gzip',
        ChecksumAlgorithm: algorithm,
      });
      const found = await get(`streamed-${algorithm}`);
      expect(found).toMatchObject({ ContentLength: 170_001, ContentEncoding: 'gzip' });
      expect(found).toHaveProperty(`Checksum${algorithm}`);
      expect(Buffer.concat(pieces).equals(await found.Body!.transformToByteArray())).toBe(true);
    },
  );

  /** What is really held: without a collection first, bytes long done with would count. */
  function memoryInUse(): number {
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  }

  it('of 128 MB pass through without being held in memory', async () => {
    const pieceBytes = 1024 * 1024;
    const pieces = 128;
    const piece = Buffer.alloc(pieceBytes, 'z');
    let peak = 0;
    const before = memoryInUse();
    const body = Readable.from(
      (function* () {
        for (let n = 0; n < pieces; n++) {
          if (n % 16 === 0) peak = Math.max(peak, memoryInUse() - before);
          yield piece;
        }
      })(),
    );
    await put('large', body, { ContentLength: pieces * pieceBytes });
    let size = 0;
    const { Body } = await get('large');
    for await (const chunk of Body as Readable) {
      const sizeBefore = size;
      size += (chunk as Buffer).length;
      if (Math.floor(size / (16 * pieceBytes)) > Math.floor(sizeBefore / (16 * pieceBytes))) {
        peak = Math.max(peak, memoryInUse() - before);
      }
    }
    expect(size).toBe(pieces * pieceBytes);
    // What is in flight differs with the machine's load; a body that is held would be all 128.
    expect(peak).toBeLessThan(40 * pieceBytes);
  }, 30_000);
});

describe('stated digests', () => {
  it('that do not match the body are refused and nothing is stored', async () => {
    const wrong = createHash('sha256').update('other').digest('base64');
    await expect(put('bad', 'body', { ChecksumSHA256: wrong })).rejects.toMatchObject({ name: 'BadDigest' });
    await expect(put('bad', 'body', { ChecksumCRC32: 'AAAAAA==' })).rejects.toMatchObject({ name: 'BadDigest' });
    await expect(put('bad', 'body', { ContentMD5: 'AAAAAAAAAAAAAAAAAAAAAA==' })).rejects.toMatchObject({
      name: 'BadDigest',
    });
    await expect(get('bad')).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(await readdir(join(s3.directory, '.incoming'))).toEqual([]);
  });
});

describe('refusals', () => {
  test.each([
    ['a wrong secret', { accessKeyId, secretAccessKey: 'wrong' }],
    ['an unknown key', { accessKeyId: 'AKIDNOBODY', secretAccessKey: 'x' }],
  ])('%s is a wrong signature', async (_, credentials) => {
    const client = s3.client({ credentials });
    // A body that is still on its way must not break the answer.
    const Body = Buffer.alloc(3_000_000);
    await expect(client.send(new PutObjectCommand({ Bucket, Key: 'k', Body }))).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('an unsigned request has no access', async () => {
    const response = await fetch(`${s3.url}/${Bucket}/a/first.csv`);
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('<Code>AccessDenied</Code>');
  });

  it('an unknown bucket is named as such', async () => {
    const command = new GetObjectCommand({ Bucket: 'elsewhere', Key: 'k' });
    await expect(s3.client().send(command)).rejects.toMatchObject({ name: 'NoSuchBucket' });
  });

  test.each([
    ['CopyObject', () => s3.client().send(new CopyObjectCommand({ Bucket, Key: 'b', CopySource: `${Bucket}/a` }))],
    ['tagging', () => s3.client().send(new GetObjectTaggingCommand({ Bucket, Key: 'a' }))],
    ['ListBuckets', () => s3.client().send(new ListBucketsCommand({}))],
    ['server-side-encryption', () => put('k', 'x', { ServerSideEncryption: 'aws:kms' })],
    ['if-match', () => put('k', 'x', { IfMatch: '"x"' })],
    ['if-none-match', () => get('a/first.csv', { IfNoneMatch: '"x"' })],
  ])('%s is not implemented, and the answer says so', async (named, send) => {
    await expect(send()).rejects.toMatchObject({
      name: 'NotImplemented',
      message: expect.stringContaining(named) as unknown,
      $metadata: { httpStatusCode: 501 },
    });
  });
});
