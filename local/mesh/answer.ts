/** The media types of the MESH API; a client asks for version 2 by name in `Accept`. */
export const meshV1 = 'application/vnd.mesh.v1+json';
export const meshV2 = 'application/vnd.mesh.v2+json';

/** Which shapes an answer has: version 1 unless the client asks for 2. */
export type ApiVersion = 1 | 2;

/** A stored chunk as a body: as it lies there, or with gzip put on or taken off on its way. */
export interface StoredBody {
  readonly file: string;
  readonly coding: 'as stored' | 'gzip' | 'gunzip';
  /** Bytes on the wire; undefined where only compressing will tell. */
  readonly bytes: number | undefined;
  readonly decodedBytes: number;
}

/** One HTTP answer, decided before anything is written to the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | StoredBody;
}

export function emptyAnswer(status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: Buffer.alloc(0) };
}

/** MESH answers sends and errors as plain JSON and lists as its own type: a client must not insist on either. */
export function jsonAnswer(status: number, value: unknown, contentType = 'application/json'): Answer {
  return { status, headers: { 'content-type': contentType }, body: Buffer.from(JSON.stringify(value)) };
}
