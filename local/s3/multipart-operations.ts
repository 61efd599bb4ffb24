import { checksumAlgorithms, type ChecksumAlgorithm } from './checksums.ts';
import { MultipartUpload, type PartReference } from './multipart-upload.ts';
import { checksumHeaders } from './object-operations.ts';
import { headersToStore, isOnlyIfAbsent, type Call } from './operations.ts';
import { header, receivePayload } from './payload.ts';
import { S3Error } from './s3-error.ts';
import { element, s3Namespace, text, xmlDocument } from './xml.ts';

/** The uploads under way, by their id. */
export type Uploads = Map<string, MultipartUpload>;

export function createMultipartUpload({ request, response, bucket, key }: Call, uploads: Uploads): void {
  const algorithm = algorithmOf(header(request, 'x-amz-checksum-algorithm'));
  const upload = new MultipartUpload(bucket, key, headersToStore(request), algorithm);
  uploads.set(upload.id, upload);
  const answer = element(
    'InitiateMultipartUploadResult',
    [text('Bucket', bucket.name), text('Key', key), text('UploadId', upload.id)],
    s3Namespace,
  );
  response
    .writeHead(200, {
      'content-type': 'application/xml',
      ...(algorithm === undefined
        ? {}
        : { 'x-amz-checksum-algorithm': algorithm.toUpperCase(), 'x-amz-checksum-type': 'COMPOSITE' }),
    })
    .end(xmlDocument(answer));
}

export async function uploadPart(call: Call, uploads: Uploads): Promise<void> {
  const upload = uploadOf(call, uploads);
  const partNumber = Number(call.query.get('partNumber'));
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > 10_000) {
    throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive');
  }
  const part = await upload.receivePart(partNumber, (write) => receivePayload(call.request, write));
  const checksum = part.checksum ? { [`x-amz-checksum-${part.checksum.algorithm}`]: part.checksum.value } : {};
  call.response.writeHead(200, { etag: `"${part.md5}"`, ...checksum }).end();
}

export async function completeMultipartUpload(call: Call, uploads: Uploads): Promise<void> {
  const { request, response, bucket, key } = call;
  const upload = uploadOf(call, uploads);
  const chunks: Uint8Array[] = [];
  await receivePayload(request, (chunk) => {
    chunks.push(chunk);
    return Promise.resolve();
  });
  const references = parsePartList(Buffer.concat(chunks).toString());
  const object = { key, headers: upload.headers, onlyIfAbsent: isOnlyIfAbsent(request) };
  const { etag, checksum } = await bucket.store(object, (write) => upload.join(references, write));
  uploads.delete(upload.id);
  await upload.discard();
  const answer = element(
    'CompleteMultipartUploadResult',
    [
      text('Location', `http://${header(request, 'host')}/${bucket.name}/${key}`),
      text('Bucket', bucket.name),
      text('Key', key),
      text('ETag', etag),
      ...(checksum
        ? [text(checksumElement(checksum.algorithm), checksum.value), text('ChecksumType', checksum.type)]
        : []),
    ],
    s3Namespace,
  );
  response.writeHead(200, { 'content-type': 'application/xml', ...checksumHeaders(checksum) }).end(xmlDocument(answer));
}

export async function abortMultipartUpload(call: Call, uploads: Uploads): Promise<void> {
  const upload = uploadOf(call, uploads);
  uploads.delete(upload.id);
  await upload.discard();
  call.response.writeHead(204).end();
}

function uploadOf({ query, bucket, key }: Call, uploads: Uploads): MultipartUpload {
  const upload = uploads.get(query.get('uploadId') ?? '');
  if (upload?.bucket !== bucket || upload.key !== key) {
    throw new S3Error('NoSuchUpload', 'The specified upload does not exist: it may have been aborted or completed');
  }
  return upload;
}

function algorithmOf(name: string): ChecksumAlgorithm | undefined {
  if (name === '') return undefined;
  const algorithm = checksumAlgorithms.find((known) => known === name.toLowerCase());
  if (algorithm === undefined) throw new S3Error('NotImplemented', `The checksum ${name} is not supported`);
  return algorithm;
}

function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm.toUpperCase()}`;
}

/** The parts in a CompleteMultipartUpload document, which is flat and holds no text that nests. */
function parsePartList(xml: string): readonly PartReference[] {
  const parts = [...xml.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => {
    const partNumber = Number(/<PartNumber>(\d{1,5})<\/PartNumber>/.exec(part)?.[1]);
    const etag = /<ETag>(?:&quot;|")?([0-9a-f]{32})(?:&quot;|")?<\/ETag>/.exec(part)?.[1];
    const checksum = /<Checksum\w+>([^<]+)<\/Checksum/.exec(part)?.[1];
    if (Number.isNaN(partNumber) || etag === undefined) {
      throw new S3Error('MalformedXML', 'A part has no number or no ETag');
    }
    return { partNumber, etag, ...(checksum === undefined ? {} : { checksum }) };
  });
  if (parts.length === 0) throw new S3Error('MalformedXML', 'There is no part to complete the upload with');
  return parts;
}
