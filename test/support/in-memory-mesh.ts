import { PermanentError } from '../../shared/errors.ts';
import { collect } from '../../shared/collect.ts';
import type { Mailbox } from '../../shared/mesh/mailbox.ts';
import type {
  DownloadedMessage,
  MessageHeaders,
  OutgoingBody,
  OutgoingMessage,
  SendOutcome,
  Tracking,
} from '../../shared/mesh/message.ts';

export interface SentMessage {
  readonly messageId: string;
  readonly control: OutgoingMessage;
  readonly body: Buffer;
}

/** One mailbox of MESH: a message stays in the inbox until it is acknowledged, and each reading of it has its own date. */
export class InMemoryMesh implements Pick<
  Mailbox,
  'handshake' | 'send' | 'listInbox' | 'download' | 'acknowledge' | 'trackLocalId'
> {
  handshakes = 0;
  readonly sent: SentMessage[] = [];
  readonly downloads: string[] = [];
  readonly acknowledged: string[] = [];
  readonly #inbox = new Map<string, { readonly headers: MessageHeaders; readonly body: Buffer }>();
  #delivered = 0;

  /** Puts a message into our inbox, from the service unless said otherwise. */
  deliver(headers: Omit<MessageHeaders, 'messageId' | 'messageType'> & { messageType?: string }, body = ''): string {
    this.#delivered += 1;
    const messageId = `20260901T0300-R${String(this.#delivered).padStart(3, '0')}`;
    this.#inbox.set(messageId, {
      headers: {
        messageType: 'DATA',
        from: 'X26OT154',
        workflowId: 'SPINE_NTT_UPHOLDING',
        ...headers,
        messageId,
      },
      body: Buffer.from(body),
    });
    return messageId;
  }

  get waiting(): string[] {
    return [...this.#inbox.keys()];
  }

  async handshake(): Promise<void> {
    this.handshakes += 1;
    return Promise.resolve();
  }

  async send(control: OutgoingMessage, { content }: OutgoingBody): Promise<SendOutcome> {
    const body = await collect(content);
    const messageId = `20260901T0200-S${String(this.sent.length + 1).padStart(3, '0')}`;
    this.sent.push({ messageId, control, body });
    return { outcome: 'accepted', messageId };
  }

  async trackLocalId(localId: string): Promise<Tracking | undefined> {
    const found = this.sent.find(({ control }) => control.localId === localId);
    return Promise.resolve(found && { messageId: found.messageId, status: 'accepted', localId });
  }

  async *listInbox(): AsyncGenerator<string> {
    yield* await Promise.resolve(this.waiting);
  }

  async download<Result>(messageId: string, take: (message: DownloadedMessage) => Promise<Result>): Promise<Result> {
    const message = this.#inbox.get(messageId);
    if (!message) throw new PermanentError('MeshMessageGone', 'Download: MESH answered 410');
    this.downloads.push(messageId);
    const date = new Date(Date.UTC(2026, 8, 1, 3, 0, this.downloads.length)).toUTCString();
    async function* body(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(message!.body);
    }
    return take({ headers: message.headers, rawHeaders: { 'mex-to': 'RZZ99OT001', date }, body: body() });
  }

  async acknowledge(messageId: string): Promise<void> {
    this.#inbox.delete(messageId);
    this.acknowledged.push(messageId);
    return Promise.resolve();
  }
}
