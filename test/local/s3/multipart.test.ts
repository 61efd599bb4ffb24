import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Bucket, S3UnderTest } from './s3-under-test.ts';

const s3 = new S3UnderTest();
const megabyte = 1024 * 1024;

beforeAll(() => s3.start());
afterAll(() => s3.remove());

const filesUnderWay = () => readdir(join(s3.directory, '.incoming'));
const get = (Key: string) => s3.client().send(new GetObjectCommand({ Bucket, Key }));

/** Eleven different megabytes, which make three parts. */
function* pieces() {
  for (let n = 0; n < 11; n++) yield Buffer.alloc(megabyte, `piece ${n} `);
}

describe('Upload of @aws-sdk/lib-storage', () => {
  test.each(['CRC32', 'SHA256'] as const)('joins its parts in order, with a %s of them all', async (algorithm) => {
    const Key = `upload/${algorithm}`;
    const params = { Bucket, Key, Body: Readable.from(pieces()), ContentType: 'text/csv', IfNoneMatch: '*' };
    const client = s3.client();
    const stored = await new Upload({ client, params: { ...params, ChecksumAlgorithm: algorithm } }).done();
    const found = await get(Key);
    expect(Buffer.from(await found.Body!.transformToByteArray()).equals(Buffer.concat([...pieces()]))).toBe(true);
    expect(found).toMatchObject({ ContentType: 'text/csv', ChecksumType: 'COMPOSITE', ETag: stored.ETag });
    expect(found.ETag).toMatch(/^"[0-9a-f]{32}-3"$/);
    expect(found[`Checksum${algorithm}`]).toMatch(/-3$/);
    expect(await filesUnderWay()).toEqual([]);
  });

  it('fails when the object is there already, and leaves neither parts nor a changed object', async () => {
    await s3.client().send(new PutObjectCommand({ Bucket, Key: 'upload/once', Body: 'first' }));
    const params = { Bucket, Key: 'upload/once', Body: Readable.from(pieces()), IfNoneMatch: '*' };
    await expect(new Upload({ client: s3.client(), params }).done()).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    expect(await (await get('upload/once')).Body!.transformToString()).toBe('first');
    expect(await filesUnderWay()).toEqual([]);
  });

  it('gives up what S3 is too busy to complete, and leaves no parts; the next try stores it', async () => {
    const upload = () => {
      const params = { Bucket, Key: 'upload/busy', Body: Readable.from(pieces()), IfNoneMatch: '*' };
      return new Upload({ client: s3.client(), params }).done();
    };
    s3.slowDown('CompleteMultipartUpload', 1);
    await expect(upload()).rejects.toMatchObject({ name: 'SlowDown', $metadata: { httpStatusCode: 503 } });
    await expect(get('upload/busy')).rejects.toMatchObject({ name: 'NoSuchKey' });
    expect(await filesUnderWay()).toEqual([]);
    await upload();
    await get('upload/busy');
  });

  it('puts a small body in one piece', async () => {
    const params = { Bucket, Key: 'upload/small', Body: Readable.from([Buffer.from('small')]) };
    await new Upload({ client: s3.client(), params }).done();
    expect(await (await get('upload/small')).Body!.transformToString()).toBe('small');
  });
});

describe('the multipart operations', () => {
  const Key = 'parts';
  const create = async () =>
    (await s3.client().send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'CRC32' }))).UploadId!;
  const uploadPart = async (UploadId: string, PartNumber: number, Body: string | Buffer) => {
    const part = { Bucket, Key, UploadId, PartNumber, Body };
    const { ETag } = await s3.client().send(new UploadPartCommand(part));
    return { PartNumber, ETag };
  };
  const complete = (UploadId: string, Parts: { PartNumber: number; ETag: string | undefined }[]) =>
    s3.client().send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));

  it('take the last of two parts with one number', async () => {
    const id = await create();
    const before = await uploadPart(id, 1, 'old');
    const after = await uploadPart(id, 1, 'new');
    await expect(complete(id, [before])).rejects.toMatchObject({ name: 'InvalidPart' });
    const { ETag } = await complete(id, [after]);
    expect(await (await get(Key)).Body!.transformToString()).toBe('new');
    const md5 = createHash('md5').update('new').digest();
    expect(ETag).toBe(`"${createHash('md5').update(md5).digest('hex')}-1"`);
  });

  it('refuse parts in the wrong order, too small, or never uploaded', async () => {
    const id = await create();
    const first = await uploadPart(id, 1, 'small');
    const second = await uploadPart(id, 2, 'last');
    await expect(complete(id, [second, first])).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    await expect(complete(id, [first, second])).rejects.toMatchObject({ name: 'EntityTooSmall' });
    await expect(complete(id, [{ PartNumber: 3, ETag: first.ETag }])).rejects.toMatchObject({ name: 'InvalidPart' });
    await expect(complete(id, [])).rejects.toMatchObject({ name: 'MalformedXML' });
  });

  it('know no upload that was aborted, and keep nothing of it', async () => {
    const before = await filesUnderWay();
    const id = await create();
    const part = await uploadPart(id, 1, 'x');
    await s3.client().send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: id }));
    await expect(complete(id, [part])).rejects.toMatchObject({ name: 'NoSuchUpload' });
    await expect(uploadPart(id, 2, 'y')).rejects.toMatchObject({ name: 'NoSuchUpload' });
    expect(await filesUnderWay()).toEqual(before);
  });
});
