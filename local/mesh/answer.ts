/** The one media type of the MESH API version 2; a client asks for it by name in `Accept`. */
export const meshV2 = 'application/vnd.mesh.v2+json';

/** One HTTP answer, decided before anything is written to the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function emptyAnswer(status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: Buffer.alloc(0) };
}

/** MESH answers sends and errors as plain JSON and lists as its own type: a client must not insist on either. */
export function jsonAnswer(status: number, value: unknown, contentType = 'application/json'): Answer {
  return { status, headers: { 'content-type': contentType }, body: Buffer.from(JSON.stringify(value)) };
}
