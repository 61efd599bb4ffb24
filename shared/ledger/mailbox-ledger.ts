import { z } from 'zod';
import { ledgerKeys } from '../contract.ts';
import { PermanentError } from '../errors.ts';
import type { LedgerTable } from './table.ts';

const lease = z.object({ execution: z.string(), runId: z.string(), expiresAt: z.string() });
const handshake = z.object({ at: z.string() });

/** The execution that uses the mailbox, and the run that it carries out. */
export interface LeaseHolder {
  readonly execution: string;
  readonly runId: string;
}

const storedMessage = z.object({
  messageId: z.string(),
  headersKey: z.string(),
  body: z.object({ key: z.string(), sha256: z.string(), bytes: z.number() }),
  receivedAt: z.string(),
  /** What was wrong with the body, where it was not what its headers claim. */
  damage: z.string().optional(),
});
/** A message that is in S3 and acknowledged or about to be. */
export type StoredMessage = z.infer<typeof storedMessage>;

const sentRequest = z.object({ runId: z.string(), part: z.number() });
/** The request that one of our own messages carried. */
export type SentRequest = z.infer<typeof sentRequest>;

/** How the daily drain shows itself to a run that finds the mailbox taken. */
export const drainHolder = 'the daily drain';

const keptMessagesSeconds = 90 * 86_400;

/** What the ledger knows of one mailbox: who may use it, its last handshake, its sequence numbers, its messages. */
export class MailboxLedger {
  readonly #table: LedgerTable;
  readonly #partition: string;
  readonly #now: () => Date;

  constructor(table: LedgerTable, mailbox: string, now: () => Date = () => new Date()) {
    this.#table = table;
    this.#partition = `MAILBOX#${mailbox}`;
    this.#now = now;
  }

  /**
   * Takes or renews the mailbox for one execution, where nobody else holds it or the holder's time is up.
   *
   * @returns the run that holds it where it could not be had
   */
  async holdLease(
    { execution, runId }: LeaseHolder,
    seconds: number,
  ): Promise<{ held: true } | { held: false; holder: string }> {
    const key = this.#key('LEASE');
    const held = await this.#table.put(
      key,
      { execution, runId, expiresAt: this.#later(seconds) },
      {
        expression: 'attribute_not_exists(pk) OR execution = :execution OR expiresAt < :now',
        values: { ':execution': execution, ':now': this.#now().toISOString() },
      },
    );
    if (held) return { held };
    const other = await this.#table.read(key, lease);
    return { held, holder: other?.runId ?? 'a run that has just ended' };
  }

  /** @throws PermanentError LeaseLost where another run has the mailbox by now */
  async keepLease(holder: LeaseHolder, seconds: number): Promise<void> {
    const lease = await this.holdLease(holder, seconds);
    if (!lease.held) {
      throw new PermanentError(
        'LeaseLost',
        `Run ${lease.holder} holds the mailbox, so run ${holder.runId} stops: resume it when the mailbox is free`,
      );
    }
  }

  /**
   * Renews the mailbox for the execution that has it. One that has given it back, or from which it was taken, does not get
   * it again, free or not.
   *
   * @throws PermanentError LeaseLost
   */
  async renewLease({ execution, runId }: LeaseHolder, seconds: number): Promise<void> {
    const isRenewed = await this.#table.put(
      this.#key('LEASE'),
      { execution, runId, expiresAt: this.#later(seconds) },
      { expression: 'execution = :execution', values: { ':execution': execution } },
    );
    if (isRenewed) return;
    throw new PermanentError(
      'LeaseLost',
      `Run ${runId} has the mailbox no longer and stops: resume it when it is free`,
    );
  }

  /** Gives the mailbox back; harmless where it is another's by now. */
  async releaseLease(execution: string): Promise<void> {
    await this.#table.remove(this.#key('LEASE'), {
      expression: 'execution = :execution',
      values: { ':execution': execution },
    });
  }

  /** Who holds the mailbox now, if anybody does. */
  async holder(): Promise<LeaseHolder | undefined> {
    const found = await this.#table.read(this.#key('LEASE'), lease);
    return found && { execution: found.execution, runId: found.runId };
  }

  async lastHandshake(): Promise<Date | undefined> {
    const last = await this.#table.read(this.#key('HANDSHAKE'), handshake);
    return last && new Date(last.at);
  }

  async recordHandshake(): Promise<void> {
    await this.#table.put(this.#key('HANDSHAKE'), { at: this.#now().toISOString() });
  }

  /** The next number of a request file in a month, from 1, never given twice. */
  nextSequence(month: string): Promise<number> {
    return this.#table.increment(this.#key(`SEQ#${month}`), 'last');
  }

  /** Records a stored message and puts it on the list of those to be settled. A repeat changes nothing. */
  async recordMessage(message: StoredMessage): Promise<void> {
    if (await this.isRecorded(message.messageId)) return;
    // The list comes first: a message that counts as recorded is acknowledged, and must then be on it.
    await this.#table.put(this.#key(`UNSETTLED#${message.messageId}`), message);
    await this.#table.putNew(messageKey(message.messageId), {
      ...message,
      [ledgerKeys.expiry]: this.#expiry(),
    });
  }

  /** Remembers which request a message of ours carried: a report may name nothing but that message. */
  async recordSent(messageId: string, { runId, part }: SentRequest): Promise<void> {
    await this.#table.put(sentKey(messageId), { runId, part, [ledgerKeys.expiry]: this.#expiry() });
  }

  sentAs(messageId: string): Promise<SentRequest | undefined> {
    return this.#table.read(sentKey(messageId), sentRequest);
  }

  async isRecorded(messageId: string): Promise<boolean> {
    return (await this.#table.read(messageKey(messageId), storedMessage)) !== undefined;
  }

  /** Messages that are stored and not yet attached to what they answer. */
  unsettledMessages(): Promise<StoredMessage[]> {
    return this.#table.list(this.#partition, 'UNSETTLED#', storedMessage);
  }

  /** Records what became of a message and takes it off the list. */
  async settleMessage(messageId: string, settled: { readonly class: string; readonly part?: string }): Promise<void> {
    await this.#table.set(messageKey(messageId), { ...settled });
    await this.#table.remove(this.#key(`UNSETTLED#${messageId}`));
  }

  #key(sk: string) {
    return { pk: this.#partition, sk };
  }

  #expiry(): number {
    return Math.floor(this.#now().getTime() / 1000) + keptMessagesSeconds;
  }

  #later(seconds: number): string {
    return new Date(this.#now().getTime() + seconds * 1000).toISOString();
  }
}

const sentKey = (messageId: string) => ({ pk: `MESSAGE#${messageId}`, sk: 'SENT' });
const messageKey = (messageId: string) => ({ pk: `MESSAGE#${messageId}`, sk: 'META' });
