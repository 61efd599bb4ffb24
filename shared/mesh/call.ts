/** One request to the MESH API. */
export interface Call {
  readonly name: string;
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** From `/messageexchange` on, with its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Id or local id of the message that it names: "not found" then speaks of that one, and elsewhere of the place. */
  readonly about?: string;
  /** Not to be put on a connection that was used before: MESH may be closing that one just then. */
  readonly needsOwnConnection?: boolean;
}

/** What an error about a call begins with. An id of another form than MESH's is not repeated. */
export function subjectOf({ name, about = '' }: Pick<Call, 'name' | 'about'>): string {
  return /^[A-Za-z0-9_-]{1,64}$/.test(about) ? `${name} ${about}` : name;
}

/** A body as it travelled. */
export interface TravelledBody {
  readonly bytes: number;
  readonly sha256: string;
}

/** What one attempt at a call was and came to, for the record: neither bodies nor the Authorization header. */
export interface MeshCall {
  readonly name: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** ISO times. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Names in lower case. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly requestBody: TravelledBody;
  /** Absent where no answer came. */
  readonly status?: number;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  /** As far as it was read. */
  readonly responseBody?: TravelledBody;
  /** Name of the error that the attempt ended with. */
  readonly error?: string;
}
