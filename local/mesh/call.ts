import type { IncomingHttpHeaders } from 'node:http';
import { type ApiVersion, meshV1, meshV2 } from './answer.ts';
import type { ReceivedBody } from './received-body.ts';
import { refusal } from './refusal.ts';

/** One authorised request for one mailbox. */
export interface Call {
  readonly mailboxId: string;
  readonly version: ApiVersion;
  /** The variable parts of the path after the mailbox id, decoded. */
  readonly captures: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: ReceivedBody;
}

/** The value of a header that may be sent once; undefined where it is absent or empty. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(', ') : (value ?? '');
  return text === '' ? undefined : text;
}

/** Version 2 is chosen by its one media type, which must stand alone. @throws MeshRefusal with status 400 */
export function versionAsked(headers: IncomingHttpHeaders): ApiVersion {
  const types = (headerOf(headers, 'accept') ?? '').split(';').map((part) => part.trim());
  const asked = types.find((type) => type.includes('vnd.mesh'));
  if (asked === undefined || asked === meshV1) return 1;
  if (asked !== meshV2) throw refusal('acceptHeader');
  return 2;
}
