import { createHmac, randomUUID } from 'node:crypto';

export interface Credentials {
  readonly mailboxId: string;
  readonly password: string;
  readonly sharedKey: string;
}

/** Headers of one request; undefined takes a default one away. */
export type Headers = Readonly<Record<string, string | undefined>>;

export const sharedKey = 'TestKey';
export const alice = { mailboxId: 'RZZ99OT001', password: 'alice', sharedKey };
export const bob = { mailboxId: 'X26OT154', password: 'bob', sharedKey };
export const carol = { mailboxId: 'RZZ99OT003', password: 'carol', sharedKey };
export const mailboxes = [alice, bob, carol];
export const toBob: Headers = { 'mex-to': 'X26OT154', 'mex-workflowid': 'WORKFLOW', 'mex-from': 'RZZ99OT001' };
export const text = Buffer.from('one\ntwo\nthree\n');

export interface InboxPage {
  readonly messages: string[];
  readonly links: { readonly self: string; readonly next?: string };
  readonly approx_inbox_count: number;
}

/** `yyyyMMddHHmm` in UTC, some minutes from now. */
export function minuteStamp(offsetMinutes = 0): string {
  return new Date(Date.now() + offsetMinutes * 60_000).toISOString().replace(/\D/g, '').slice(0, 12);
}

export function authorization(
  { mailboxId, password, sharedKey }: Credentials,
  { nonce, count = '0', stamp = minuteStamp() }: { nonce?: string; count?: string; stamp?: string } = {},
): string {
  const once = nonce ?? randomUUID();
  const hash = createHmac('sha256', sharedKey)
    .update(`${mailboxId}:${once}:${count}:${password}:${stamp}`)
    .digest('hex');
  return `NHSMESH ${mailboxId}:${once}:${count}:${stamp}:${hash}`;
}

/** A mailbox's owner with nothing between the test and HTTP; a fresh token for each call. */
export function rawMailbox(baseUrl: string, credentials: Credentials) {
  const call = (method: string, path: string, headers: Headers = {}, body?: Uint8Array): Promise<Response> => {
    const all: Headers = {
      accept: 'application/vnd.mesh.v2+json',
      authorization: authorization(credentials),
      ...headers,
    };
    const present = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return fetch(`${baseUrl}/messageexchange/${credentials.mailboxId}${path}`, {
      method,
      headers: present,
      ...(body ? { body: Buffer.from(body) } : {}),
    });
  };

  return {
    call,
    send: (headers: Headers, body: Uint8Array) =>
      call('POST', '/outbox', { 'content-type': 'application/octet-stream', ...headers }, body),
    /** Sends and returns the message id, or throws. */
    sent: async (headers: Headers, body: Uint8Array): Promise<string> => {
      const response = await call('POST', '/outbox', { 'content-type': 'application/octet-stream', ...headers }, body);
      const answer = (await response.json()) as { message_id?: string };
      if (response.status !== 202 || answer.message_id === undefined) throw new Error(JSON.stringify(answer));
      return answer.message_id;
    },
    list: async (query = ''): Promise<InboxPage> => (await (await call('GET', `/inbox${query}`)).json()) as InboxPage,
    download: async (messageId: string): Promise<{ status: number; headers: globalThis.Headers; body: Buffer }> => {
      const response = await call('GET', `/inbox/${messageId}`);
      return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
    },
    acknowledge: (messageId: string) => call('PUT', `/inbox/${messageId}/status/acknowledged`),
  };
}

/** The first event, code and text of a version 2 error. */
export async function errorOf(response: Response): Promise<{ event: string; code: string; msg: string } | undefined> {
  const { detail } = (await response.json()) as { detail: { event: string; code: string; msg: string }[] };
  return detail[0];
}
