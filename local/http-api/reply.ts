import { z } from 'zod';

/** What the caller gets. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly body: Buffer;
}

const structured = z.looseObject({
  statusCode: z.int().min(200).max(599),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).nullish(),
  cookies: z.array(z.string()).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

/** What API Gateway says itself, in its own words. */
export function refusal(status: number, message: string): Reply {
  const headers = { 'content-type': 'application/json' };
  return { status, headers, cookies: [], body: Buffer.from(JSON.stringify({ message })) };
}

export const internalServerError = refusal(500, 'Internal Server Error');

/**
 * What becomes of the answer of a function: one with a status code is taken apart, any other is the body of a 200. Source:
 * "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", Amazon API Gateway Developer Guide. That one with a status
 * code and wrong members is a 500, and what the content type is where it names none, is assumed.
 */
export function replyOf(payload: unknown): Reply {
  if (typeof payload !== 'object' || payload === null || !('statusCode' in payload)) {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    return { status: 200, headers: { 'content-type': 'application/json' }, cookies: [], body: Buffer.from(text) };
  }
  const { success, data } = structured.safeParse(payload);
  if (!success) return internalServerError;
  const headers = Object.entries(data.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    status: data.statusCode,
    headers: { 'content-type': 'text/plain;charset=UTF-8', ...Object.fromEntries(headers) },
    cookies: data.cookies ?? [],
    body: Buffer.from(data.body ?? '', data.isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}
