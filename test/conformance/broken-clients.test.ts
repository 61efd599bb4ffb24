import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { log } from '../../shared/log.ts';
import { Mailbox, type MailboxOptions } from '../../shared/mesh/mailbox.ts';
import type { DownloadedMessage, OutgoingBody, OutgoingMessage, SendOutcome } from '../../shared/mesh/message.ts';
import { catalogue } from './catalogue.ts';
import { CatalogueRun, type CaseResult } from './catalogue-run.ts';
import { runSettings } from './settings.ts';
import { type RunningEnvironment, startStandIn } from './stand-in.ts';

log.setLogLevel('SILENT');

type Take<Result> = (message: DownloadedMessage) => Promise<Result>;

/** Fetches every message a second time. */
class FetchingTwice extends Mailbox {
  override async download<Result>(messageId: string, take: Take<Result>): Promise<Result> {
    await super.download(messageId, () => Promise.resolve());
    return super.download(messageId, take);
  }
}

/** Never acknowledges, and says that it did. */
class NeverAcknowledging extends Mailbox {
  override acknowledge(): Promise<void> {
    return Promise.resolve();
  }
}

/** Never authenticates, and says that it did. */
class NeverHandshaking extends Mailbox {
  override handshake(): Promise<void> {
    return Promise.resolve();
  }
}

/** Looks at nothing before it sends once more: the list comes late. */
class SendingTwice extends Mailbox {
  override async send(message: OutgoingMessage, { bytes, content }: OutgoingBody): Promise<SendOutcome> {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    const again = (): OutgoingBody => ({ bytes, content: replay(pieces) });
    await super.send(message, again());
    return super.send(message, again());
  }
}

async function* replay(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

/** Turns the first byte of what it receives. */
class AlteringBytes extends Mailbox {
  override async download<Result>(messageId: string, take: Take<Result>): Promise<Result> {
    async function* altered(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      let isFirst = true;
      for await (const piece of body) {
        yield isFirst ? piece.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) : piece;
        isFirst = false;
      }
    }
    return super.download(messageId, (message) => take({ ...message, body: altered(message.body) }));
  }
}

/** Lists the whole inbox before it downloads anything. */
class ListingFirst extends Mailbox {
  override async *listInbox(): AsyncGenerator<string> {
    yield* await collect(super.listInbox());
  }
}

/** Takes every refusal for a success. */
class Swallowing extends Mailbox {
  override async send(message: OutgoingMessage, body: OutgoingBody): Promise<SendOutcome> {
    return super.send(message, body).catch(() => ({ outcome: 'accepted', messageId: 'none' }) as const);
  }
  override async download<Result>(messageId: string, take: Take<Result>): Promise<Result> {
    return super.download(messageId, take).catch(() => undefined as Result);
  }
  override async *listInbox(): AsyncGenerator<string> {
    try {
      yield* super.listInbox();
    } catch {
      return;
    }
  }
}

/** Uses one nonce for all of its calls. */
function withOneNonce(options: MailboxOptions): Mailbox {
  return new Mailbox({ ...options, nonce: () => 'the-same' });
}

/** Opens a second mailbox and lets both call at once. */
class CallingAtOnce extends Mailbox {
  readonly #twin: Mailbox;
  constructor(options: MailboxOptions) {
    super(options);
    this.#twin = new Mailbox(options);
  }
  override async *listInbox(): AsyncGenerator<string> {
    const both = await Promise.allSettled([collect(super.listInbox()), collect(this.#twin.listInbox())]);
    for (const one of both) if (one.status === 'fulfilled') yield* one.value;
  }
}

async function collect(ids: AsyncGenerator<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const id of ids) all.push(id);
  return all;
}

let standIn: RunningEnvironment;

beforeEach(async () => {
  standIn = await startStandIn();
});
afterEach(() => standIn.close());

async function judge(openMailbox: (options: MailboxOptions) => Mailbox, numbers: string[]): Promise<CaseResult[]> {
  const run = new CatalogueRun(standIn.environment, { settings: runSettings(false), openMailbox });
  for (const number of numbers) await run.run(catalogue.find((known) => known.number === number)!);
  run.close();
  return [...run.results];
}

const broken = { FetchingTwice, NeverAcknowledging, NeverHandshaking, SendingTwice, AlteringBytes, Swallowing };

describe('a client that does not do as the catalogue asks', () => {
  it.each([
    { client: 'FetchingTwice', number: '401', claim: 'It is fetched once' },
    { client: 'NeverAcknowledging', number: '401', claim: 'MESH took the acknowledgement with 200' },
    { client: 'NeverAcknowledging', number: '703', claim: 'It is downloaded and acknowledged' },
    { client: 'NeverHandshaking', number: '201', claim: 'The mailbox was authenticated before' },
    { client: 'SendingTwice', number: '201', claim: 'The order is authenticate, send, check the inbox straight after' },
    { client: 'AlteringBytes', number: '401', claim: 'The bytes are unaltered: the same SHA-256' },
    { client: 'AlteringBytes', number: '501', claim: 'The bytes are unaltered: the same SHA-256' },
    { client: 'Swallowing', number: '701', claim: 'A call of a disabled mailbox is refused with 403' },
    {
      client: 'Swallowing',
      number: '702',
      claim: 'A message to a recipient that is not registered is refused with 417',
    },
    { client: 'Swallowing', number: '704', claim: 'A message that does not exist is refused with 404' },
    { client: 'Swallowing', number: '705', claim: 'A message that was acknowledged is refused with 410' },
  ] as const)('$client fails $number: $claim', async ({ client, number, claim }) => {
    const [result] = await judge((options) => new broken[client](options), [number]);
    expect(result?.verdict).toBe('failed');
    const odd = result?.checks.filter(({ holds }) => !holds).map((check) => check.claim) ?? [];
    expect(odd.join('\n')).toContain(claim);
  });

  it('fails 601 where it lists again before it has dealt with the first page', async () => {
    const [result] = await judge((options) => new ListingFirst(options), ['601']);
    expect(result?.verdict).toBe('failed');
    const odd = result?.checks.filter(({ holds }) => !holds);
    expect(odd).toEqual([
      expect.objectContaining({
        claim: expect.stringContaining('The order is'),
        found: 'list, 600 x (download, acknowledge)',
      }),
    ]);
  });

  it('fails where it uses a token twice', async () => {
    const results = await judge(withOneNonce, ['201', '802']);
    expect(results.map(({ verdict, error }) => [verdict, error])).toEqual([
      ['failed', 'MeshAuthenticationRefused'],
      ['failed', 'MeshAuthenticationRefused'],
    ]);
  });

  it('fails 801 where two calls of a mailbox overlap', async () => {
    // Calls that overlap may break one another, and the case then fails before it comes to its checks.
    const results = await judge((options) => new CallingAtOnce(options), ['801', '801', '801', '801']);
    expect(results.map(({ verdict }) => verdict)).toEqual(['failed', 'failed', 'failed', 'failed']);
    const odd = results.flatMap(({ checks }) => checks.filter(({ holds }) => !holds).map(({ claim }) => claim));
    expect(odd).toContain('Their calls do not overlap');
    expect(odd).toContain('MESH saw none either');
  });
});
