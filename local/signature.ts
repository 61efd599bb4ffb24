import { Hash } from '@smithy/hash-node';
import { SignatureV4 } from '@smithy/signature-v4';
import type { IncomingMessage } from 'node:http';
import { createHash } from 'node:crypto';

/** Who may sign requests to the stand-ins: access key id to secret access key. */
export type Credentials = ReadonlyMap<string, string>;

/** A request that AWS would turn away before looking at its meaning: unsigned, unknown key, or a wrong signature. */
export class SignatureRefused extends Error {
  override readonly name = 'SignatureRefused';
}

const authorizationForm =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

/**
 * Recomputes an AWS Signature Version 4 over a request and compares it with the one that it carries.
 * Source: "Authenticating Requests (AWS Signature Version 4)", AWS General Reference.
 *
 * @param service the credential scope's service, e.g. `healthlake`
 * @param body the payload, or undefined where the request states its payload hash itself (S3 streaming)
 * @returns the access key id that signed
 * @throws SignatureRefused
 */
export async function verifySignature(
  request: IncomingMessage,
  service: string,
  credentials: Credentials,
  body?: Uint8Array,
): Promise<string> {
  const match = authorizationForm.exec(request.headers.authorization ?? '');
  if (!match) throw new SignatureRefused('the request is not signed');
  const [, accessKeyId = '', date = '', region = '', signedService = '', signedHeaders = '', signature = ''] = match;
  if (signedService !== service) {
    throw new SignatureRefused(`the request is signed for ${signedService}, not ${service}`);
  }
  const secretAccessKey = credentials.get(accessKeyId);
  if (secretAccessKey === undefined) throw new SignatureRefused('the access key is unknown');
  const longDate = one(request.headers['x-amz-date']);
  if (!longDate.startsWith(date)) throw new SignatureRefused('the date does not match the credential scope');

  const stated = one(request.headers['x-amz-content-sha256']);
  if (body && stated !== '' && stated !== 'UNSIGNED-PAYLOAD' && stated !== sha256(body)) {
    throw new SignatureRefused('the payload does not match its stated hash');
  }
  const url = new URL(request.url ?? '/', 'http://stand-in');
  const headers: Record<string, string> = {};
  for (const name of signedHeaders.split(';')) headers[name] = one(request.headers[name]);
  const signer = new SignatureV4({
    service,
    region,
    sha256: Hash.bind(null, 'sha256'),
    credentials: { accessKeyId, secretAccessKey },
    // S3 signs the path as sent; every other service signs it escaped once more.
    uriEscapePath: service !== 's3',
    applyChecksum: false,
  });
  const signed = await signer.sign(
    {
      method: request.method ?? 'GET',
      protocol: 'http:',
      hostname: 'stand-in',
      path: url.pathname,
      query: queryOf(url),
      headers: { ...headers, ...(stated === '' ? { 'x-amz-content-sha256': sha256(body ?? new Uint8Array()) } : {}) },
      ...(body ? { body } : {}),
    },
    {
      signingDate: parseLongDate(longDate),
      signableHeaders: new Set(signedHeaders.split(';')),
      ...(stated === '' ? { unsignableHeaders: new Set(['x-amz-content-sha256']) } : {}),
    },
  );
  const expected = /Signature=([0-9a-f]{64})$/.exec(signed.headers.authorization ?? '')?.[1];
  if (expected !== signature) throw new SignatureRefused('the signature does not match');
  return accessKeyId;
}

function queryOf(url: URL): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {};
  for (const name of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(name);
    query[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return query;
}

function parseLongDate(text: string): Date {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (!match) throw new SignatureRefused('the x-amz-date header is missing or malformed');
  const [, year, month, day, hour, minute, second] = match.map(Number);
  return new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function one(header: string | string[] | undefined): string {
  return Array.isArray(header) ? (header[0] ?? '') : (header ?? '');
}
