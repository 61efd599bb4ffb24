import type { IncomingHttpHeaders } from 'node:http';

/** One authorised request for one mailbox. */
export interface Call {
  readonly mailboxId: string;
  /** The variable parts of the path after the mailbox id, decoded. */
  readonly captures: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The value of a header that may be sent once; undefined where it is absent or empty. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(', ') : (value ?? '');
  return text === '' ? undefined : text;
}
