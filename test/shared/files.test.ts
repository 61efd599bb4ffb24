import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { collect } from '../../shared/collect.ts';
import { bodyOf, bytesOf, iterate, sha256 } from '../support/bodies.ts';
import { startFiles } from '../support/s3-files.ts';

let s3: Awaited<ReturnType<typeof startFiles>>;
beforeAll(async () => {
  s3 = await startFiles();
});
afterAll(() => s3.stop());

let keys = 0;
const newKey = () => `runs/test/${(keys += 1)}.dat`;
const fileOf = (key: string, content: string | Buffer) => ({
  key,
  sha256: sha256(content),
  bytes: Buffer.byteLength(content),
});
/** What nobody is meant to do. */
const overwrite = (Key: string, content: string) =>
  s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: Buffer.from(content) }));

describe('writing once', () => {
  it('tells key, hash and length of what was written', async () => {
    const key = newKey();
    expect(await s3.files.writeOnce(key, 'content é')).toEqual(fileOf(key, 'content é'));
    expect(await s3.files.find(key)).toEqual(Buffer.from('content é'));
  });

  it('takes the same bytes once more as evidence of an earlier try', async () => {
    const key = newKey();
    const first = await s3.files.writeOnce(key, 'content');
    expect(await s3.files.writeOnce(key, Buffer.from('content'))).toEqual(first);
  });

  test.each(['Content', 'content ', ''])('refuses %j where there are other bytes, and keeps those', async (other) => {
    const key = newKey();
    await s3.files.writeOnce(key, 'content');
    await expect(s3.files.writeOnce(key, other)).rejects.toMatchObject({
      name: 'FileAltered',
      message: `${key} was written before with other bytes`,
    });
    expect(await s3.files.find(key)).toEqual(Buffer.from('content'));
  });

  it('lets one of many writers win, and tells the others which one did not', async () => {
    const key = newKey();
    const contents = ['one', 'two', 'one', 'two', 'one'];
    const outcomes = await Promise.allSettled(contents.map((content) => s3.files.writeOnce(key, content)));
    const kept = (await s3.files.find(key))!.toString();
    expect(outcomes.map(({ status }) => status)).toEqual(
      contents.map((content) => (content === kept ? 'fulfilled' : 'rejected')),
    );
  });
});

describe('writing a stream once', () => {
  test.each([
    { name: 'nothing', content: Buffer.alloc(0) },
    { name: 'a line', content: Buffer.from('9993395633,\r\n') },
    { name: 'more than one part of an upload', content: randomBytes(6_000_000) },
  ])('stores $name as it came and tells its hash', async ({ content }) => {
    const key = newKey();
    const pieces = [3, 0, 1, 100_000, 2_000_000];
    expect(await s3.files.writeStreamOnce(key, bodyOf(content, pieces))).toEqual(fileOf(key, content));
    expect((await bytesOf(await s3.files.open(key))).equals(content)).toBe(true);
  });

  test.each([
    { name: 'a line', second: Buffer.from('other') },
    { name: 'a long body', second: randomBytes(6_000_000) },
  ])('keeps what is there and tells its hash, when $name comes later', async ({ second }) => {
    const key = newKey();
    await s3.files.writeOnce(key, 'first');
    expect(await s3.files.writeStreamOnce(key, bodyOf(second))).toEqual(fileOf(key, 'first'));
    expect(await s3.files.find(key)).toEqual(Buffer.from('first'));
  });

  it('stores nothing where the source breaks off, and passes its failure on', async () => {
    const key = newKey();
    const broken = new Error('broken off');
    async function* body() {
      yield await Promise.resolve(Buffer.from('9993395633,\r\n'));
      throw broken;
    }
    await expect(s3.files.writeStreamOnce(key, body())).rejects.toBe(broken);
    expect(await s3.files.find(key)).toBeUndefined();
  });
});

describe('reading', () => {
  it('finds nothing where there is nothing', async () => {
    expect(await s3.files.find('runs/none')).toBeUndefined();
  });

  test.each<{ name: string; read: (key: string) => Promise<unknown> }>([
    { name: 'open', read: (key) => s3.files.open(key) },
    { name: 'openVerified', read: (key) => s3.files.openVerified({ key, sha256: '' }) },
    { name: 'readVerified', read: (key) => s3.files.readVerified({ key, sha256: '' }) },
    { name: 'readHead', read: (key) => s3.files.readHead(key, 10) },
  ])('of a file that is missing is FileMissing: $name', async ({ read }) => {
    await expect(read('runs/none')).rejects.toMatchObject({
      name: 'FileMissing',
      message: 'runs/none is not in the bucket',
    });
  });

  it('proves that the bytes are those that were written', async () => {
    const file = await s3.files.writeOnce(newKey(), 'content');
    expect(await s3.files.readVerified(file)).toEqual(Buffer.from('content'));
    expect(await bytesOf(await s3.files.openVerified(file))).toEqual(Buffer.from('content'));
  });

  test.each(['Content', 'conten', 'content ', ''])(
    'of a file that was altered to %j fails at its end',
    async (altered) => {
      const file = await s3.files.writeOnce(newKey(), 'content');
      await overwrite(file.key, altered);
      await expect(s3.files.readVerified(file)).rejects.toMatchObject({ name: 'FileAltered' });
      const body = await s3.files.openVerified(file);
      await expect(bytesOf(body)).rejects.toMatchObject({
        name: 'FileAltered',
        message: expect.stringContaining(file.key),
      });
    },
  );

  it('of a file that was deleted is FileMissing although the ledger vouches for it', async () => {
    const file = await s3.files.writeOnce(newKey(), 'content');
    await s3.client.send(new DeleteObjectCommand({ Bucket: s3.bucket, Key: file.key }));
    await expect(s3.files.readVerified(file)).rejects.toMatchObject({ name: 'FileMissing' });
  });

  test.each([
    { bytes: 4, head: 'cont' },
    { bytes: 7, head: 'content' },
    { bytes: 8, head: 'content' },
    { bytes: 0, head: '' },
  ])('the first $bytes bytes gives "$head"', async ({ bytes, head }) => {
    const file = await s3.files.writeOnce(newKey(), 'content');
    expect((await s3.files.readHead(file.key, bytes)).toString()).toBe(head);
  });

  it('the head of a long file leaves the rest where it is', async () => {
    const content = randomBytes(3_000_000);
    const file = await s3.files.writeOnce(newKey(), content);
    expect((await s3.files.readHead(file.key, 65_536)).equals(content.subarray(0, 65_536))).toBe(true);
  });
});

it('collects a body', async () => {
  expect(await collect(iterate([Buffer.from('a'), Buffer.from(''), Buffer.from('bc')]))).toEqual(Buffer.from('abc'));
});
