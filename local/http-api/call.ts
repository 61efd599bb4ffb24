import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** One call of the API, as API Gateway sees it. */
export interface Call {
  readonly requestId: string;
  readonly at: Date;
  readonly method: string;
  /** Decoded, and cut off at a decoded question mark, as HTTP APIs do: an encoded slash can't be told from a slash any more. */
  readonly path: string;
  /** As it was sent. */
  readonly query: string;
  readonly protocol: string;
  readonly userAgent: string;
  readonly sourceIp: string;
  /** Name in small letters, and values joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
}

/**
 * What API Gateway makes of a request before it looks at its body. That `rawPath` comes decoded was seen at AWS by others
 * (hotsock/voker#8, fastify/aws-lambda-fastify#169), and is not in the documentation.
 */
export function callOf(request: IncomingMessage): Call {
  const [target, query = ''] = splitOnce(request.url ?? '/', '?');
  const { cookie = '', ...headers } = joined(request.rawHeaders);
  const sourceIp = request.socket.remoteAddress ?? '127.0.0.1';
  return {
    // Sixteen characters, the last of them an equals sign.
    requestId: randomBytes(11).toString('base64'),
    at: new Date(),
    method: request.method ?? 'GET',
    path: splitOnce(decoded(target), '?')[0],
    query,
    protocol: `HTTP/${request.httpVersion}`,
    userAgent: headers['user-agent'] ?? '',
    sourceIp,
    headers: {
      ...headers,
      'x-amzn-trace-id': `Root=1-${Math.floor(Date.now() / 1_000).toString(16)}-${randomBytes(12).toString('hex')}`,
      'x-forwarded-for': [headers['x-forwarded-for'] ?? [], sourceIp].flat().join(', '),
      'x-forwarded-port': String(request.socket.localPort),
      'x-forwarded-proto': 'http',
    },
    cookies: cookie === '' ? [] : cookie.split(/[;,] ?/),
  };
}

function joined(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    const value = rawHeaders[at + 1] ?? '';
    headers[name] = headers[name] === undefined ? value : `${headers[name]},${value}`;
  }
  return headers;
}

function splitOnce(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** A path that is not well encoded stays as it is. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
