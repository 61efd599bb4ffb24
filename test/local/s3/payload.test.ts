import { Hash } from '@smithy/hash-node';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Bucket, S3UnderTest, accessKeyId, secretAccessKey } from './s3-under-test.ts';

const s3 = new S3UnderTest();

beforeAll(() => s3.start());
afterAll(() => s3.remove());

/** Sends a signed PutObject as it is, which the SDK would never send wrong. */
async function put(pieces: readonly string[], headers: Record<string, string>): Promise<string> {
  const { host, hostname, port } = new URL(s3.url);
  const signer = new SignatureV4({
    service: 's3',
    region: 'eu-west-2',
    sha256: Hash.bind(null, 'sha256'),
    credentials: { accessKeyId, secretAccessKey },
    uriEscapePath: false,
    applyChecksum: false,
  });
  const path = `/${Bucket}/raw`;
  const message = { method: 'PUT', protocol: 'http:', hostname, path, headers: { host, ...headers } };
  const signed = await signer.sign(message);
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ host: hostname, port, path, method: 'PUT', headers: signed.headers }, (response) => {
      text(response).then((body) => {
        resolve(/<Code>(\w+)<\/Code>/.exec(body)?.[1] ?? String(response.statusCode));
      }, reject);
    });
    sent.on('error', reject);
    for (const piece of pieces) sent.write(piece);
    sent.end();
  });
}

const trailing = {
  'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  'x-amz-decoded-content-length': '5',
  'x-amz-trailer': 'x-amz-checksum-crc32',
};

const crc32Trailer = 'x-amz-checksum-crc32:NhCmhg==';

test.each([
  { being: 'whole', body: `5\r\nhello\r\n0\r\n${crc32Trailer}\r\n\r\n`, answer: '200' },
  {
    being: 'in two chunks',
    body: `2\r\nhe\r\n03\r\nllo\r\n0\r\nX-Amz-Checksum-Crc32: NhCmhg==\r\n\r\n`,
    answer: '200',
  },
  { being: 'changed', body: `5\r\nhallo\r\n0\r\n${crc32Trailer}\r\n\r\n`, answer: 'BadDigest' },
  { being: 'without its trailer', body: '5\r\nhello\r\n0\r\n\r\n', answer: 'MalformedTrailerError' },
  {
    being: 'with another trailer',
    body: '5\r\nhello\r\n0\r\nx-amz-checksum-sha256:AA==\r\n\r\n',
    answer: 'MalformedTrailerError',
  },
  { being: 'shorter than stated', body: `4\r\nhell\r\n0\r\n${crc32Trailer}\r\n\r\n`, answer: 'IncompleteBody' },
  { being: 'longer than its chunk', body: `4\r\nhello\r\n0\r\n${crc32Trailer}\r\n\r\n`, answer: 'IncompleteBody' },
  { being: 'cut in the trailer', body: `5\r\nhello\r\n0\r\n${crc32Trailer}\r\n`, answer: 'IncompleteBody' },
  { being: 'cut in a chunk', body: '5\r\nhel', answer: 'IncompleteBody' },
  { being: 'not framed', body: 'hello\r\n', answer: 'IncompleteBody' },
  { being: 'without line ends', body: 'x'.repeat(5000), answer: 'IncompleteBody' },
])('an aws-chunked body $being is answered with $answer', async ({ body, answer }) => {
  expect(await put([body], trailing)).toBe(answer);
});

it('is understood wherever the network cuts an aws-chunked body', async () => {
  const body = '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n';
  for (let cut = 1; cut < body.length; cut++) {
    expect(await put([body.slice(0, cut), body.slice(cut)], trailing)).toBe('200');
  }
});

const sha256 = (value: string) => createHash('sha256').update(value).digest('hex');

const unsigned = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };

test.each([
  ['its hash matches', '200', { 'x-amz-content-sha256': sha256('hello') }],
  ['its hash is of something else', 'XAmzContentSHA256Mismatch', { 'x-amz-content-sha256': sha256('x') }],
  ['it is not hashed', '200', unsigned],
  ['its chunks are signed', 'NotImplemented', { 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' }],
  ['its hash is missing', 'InvalidRequest', {}],
  [
    'it has two checksums',
    'InvalidRequest',
    { ...unsigned, 'x-amz-checksum-crc32': 'NhCmhg==', 'x-amz-checksum-sha1': 'qvTGHdzF6KLavt4PO0gs2a6pQ00=' },
  ],
  ['its checksum is CRC64NVME', 'NotImplemented', { ...unsigned, 'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA=' }],
])('when %s, a plain body is answered with %s', async (_, answer, headers) => {
  expect(await put(['hello'], { 'content-length': '5', ...headers })).toBe(answer);
});

it('is refused without a length', async () => {
  const headers = { ...unsigned, 'transfer-encoding': 'chunked' };
  expect(await put(['hello'], headers)).toBe('MissingContentLength');
});

it('leaves no file behind that was refused', async () => {
  expect(await readdir(join(s3.directory, '.incoming'))).toEqual([]);
});
