import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { ledgerKeys, writeTimeoutSeconds } from '../contract.ts';
import type { LedgerTable } from './table.ts';

const write = z.object({ beganAt: z.string() });

const partition = 'LATEST';
const prefix = 'WRITING#';
/** Beyond the function's own limit, for clocks that differ. */
const marginSeconds = 60;

/**
 * The invocations that may be writing to the FHIR store. A run that failed or was stopped gives its mailbox back while
 * others of its invocations are still at work, so its lease alone does not say that nothing is written any more.
 */
export class WritesUnderWay {
  readonly #table: LedgerTable;
  readonly #now: () => Date;

  constructor(table: LedgerTable, now: () => Date = () => new Date()) {
    this.#table = table;
    this.#now = now;
  }

  /**
   * Records that an invocation is about to write. To be called before it makes sure of its lease: a run that opens then
   * either has the lease by that time or sees the record.
   *
   * @returns what `end` takes
   */
  async begin(): Promise<string> {
    const id = randomUUID();
    const beganAt = this.#now();
    await this.#table.put(keyOf(id), {
      beganAt: beganAt.toISOString(),
      [ledgerKeys.expiry]: Math.ceil(endOf(beganAt) / 1000) + 86_400,
    });
    return id;
  }

  /** Records that an invocation writes nothing any more. */
  async end(id: string): Promise<void> {
    await this.#table.remove(keyOf(id));
  }

  /** By when all of them have certainly ended, for none outlives its time limit; undefined where none is left. */
  async until(): Promise<string | undefined> {
    return lastEnd(await this.#table.list(partition, prefix, write), this.#now());
  }
}

/** The latest end among writes that may not have ended by now. */
export function lastEnd(writes: Iterable<{ readonly beganAt: string }>, now: Date): string | undefined {
  const last = Math.max(...Array.from(writes, ({ beganAt }) => endOf(new Date(beganAt))));
  return last > now.getTime() ? new Date(last).toISOString() : undefined;
}

function endOf(beganAt: Date): number {
  return beganAt.getTime() + (writeTimeoutSeconds + marginSeconds) * 1000;
}

const keyOf = (id: string) => ({ pk: partition, sk: `${prefix}${id}` });
