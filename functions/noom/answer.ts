import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { gzipSync } from 'node:zlib';
import { writeXml } from '../../shared/noom/stu3/xml-writer.ts';
import { mediaTypeOf, type Format } from './media-types.ts';

/** What an interaction comes to. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly resource?: object | undefined;
}

const worthZipping = 1_024;

/** As API Gateway wants it: the resource in the format asked for, and packed for a client that can unpack it. */
export function resultOf(
  answer: Answer,
  format: Format,
  acceptEncoding: string | undefined,
): APIGatewayProxyStructuredResultV2 {
  const { status, resource } = answer;
  const headers = { 'cache-control': 'no-store', ...answer.headers };
  if (!resource) return { statusCode: status, headers };
  const text = format === 'json' ? JSON.stringify(resource) : writeXml(resource);
  const described = { ...headers, 'content-type': mediaTypeOf(format), vary: 'accept, accept-encoding' };
  if (text.length < worthZipping || !/(^|[\s,])gzip(?!;\s*q=0(\.0*)?($|[\s,]))/i.test(acceptEncoding ?? '')) {
    return { statusCode: status, headers: described, body: text };
  }
  return {
    statusCode: status,
    headers: { ...described, 'content-encoding': 'gzip' },
    body: gzipSync(text).toString('base64'),
    isBase64Encoded: true,
  };
}
