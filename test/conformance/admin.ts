import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { parseJson } from '../../shared/json.ts';
import type { MeshCredentials } from '../../shared/mesh/credentials.ts';
import { connectionFailure } from '../../shared/mesh/failures.ts';
import { Transport } from '../../shared/mesh/transport.ts';
import type { EnvironmentKind } from './environment.ts';

/** A message whose five days are to be over. */
export interface ExpiringMessage {
  readonly messageId: string;
  readonly sender: string;
  readonly workflowId: string;
  readonly localId: string;
}

/** What a test may turn in a MESH that is not NHS England's own. */
export interface Admin {
  /** Whether it could: NHS England's sandbox knows no disabled mailbox. */
  setDisabled(mailboxId: string, disabled: boolean): Promise<boolean>;
  /**
   * Lets five days go by for a message that nobody collected. `by itself` where MESH then wrote the report, `by order`
   * where it had to be told to, since it has no clock that could be moved.
   */
  letExpire(message: ExpiringMessage): Promise<'by itself' | 'by order'>;
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

const fiveDaysSeconds = 5 * 24 * 3600;

/** The endpoints below `/messageexchange/admin`, which no real MESH has. */
export class HttpAdmin implements Admin {
  readonly #transport: Transport;
  readonly #kind: Exclude<EnvironmentKind, 'integration'>;

  constructor(baseUrl: string, credentials: MeshCredentials, kind: Exclude<EnvironmentKind, 'integration'>) {
    this.#transport = new Transport(baseUrl, credentials);
    this.#kind = kind;
  }

  async setDisabled(mailboxId: string, disabled: boolean): Promise<boolean> {
    if (this.#kind === 'sandbox') return false;
    await this.#order(`mailbox/${encodeURIComponent(mailboxId)}`, { disabled });
    return true;
  }

  async letExpire({ messageId, sender, workflowId, localId }: ExpiringMessage): Promise<'by itself' | 'by order'> {
    if (this.#kind === 'stand-in') {
      await this.#order('clock', { advanceSeconds: fiveDaysSeconds + 1 });
      return 'by itself';
    }
    await this.#order(`message/${encodeURIComponent(messageId)}/event`, { status: 'undeliverable' });
    await this.#order('report', {
      ...{ mailbox_id: sender, workflow_id: workflowId, local_id: localId, linked_message_id: messageId },
      ...{ code: '14', description: 'Message not collected by recipient after 5 days' },
      // With the default status the sandbox of 2024 leaves code and linked id out.
      status: 'error',
    });
    return 'by order';
  }

  async #order(path: string, body: Readonly<Record<string, unknown>>): Promise<void> {
    const { status } = await ask(this.#transport, 'POST', `/messageexchange/admin/${path}`, body);
    if (status !== 200) throw new Error(`The order ${path.replace(/\/.*/, '')} was answered with ${status}`);
  }
}

/**
 * Which MESH listens there. Only one on this machine is asked: a MESH of NHS England's own has no endpoint that would
 * say, and is not to be asked for those of a sandbox.
 */
export async function probeKind(baseUrl: string, credentials: MeshCredentials): Promise<EnvironmentKind> {
  const { hostname } = new URL(baseUrl);
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return 'integration';
  const transport = new Transport(baseUrl, credentials);
  const clock = await ask(transport, 'POST', '/messageexchange/admin/clock', { advanceSeconds: 0 });
  if (clock.status === 200) return 'stand-in';
  const health = await ask(transport, 'GET', '/health');
  return health.status === 200 ? 'sandbox' : 'integration';
}

async function ask(
  transport: Transport,
  method: 'GET' | 'POST',
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const bytes = Buffer.from(body ? JSON.stringify(body) : '');
  const headers = { 'content-type': 'application/json', 'content-length': String(bytes.length) };
  const request = transport.request(path, { method, headers }, true);
  request.end(bytes);
  const [response] = (await once(request, 'response').catch((error: unknown) => {
    throw connectionFailure(error, { name: 'Find out which MESH this is' });
  })) as [IncomingMessage];
  return { status: response.statusCode ?? 0, json: parseJson(await text(response)) };
}
