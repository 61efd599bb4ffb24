import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError, RetryableError } from '../errors.ts';
import type { Consent } from './consent.ts';
import { isThrottling, listOf, memberOf, pauseBefore, type FhirStore } from './store.ts';

export type Write =
  { readonly method: 'PUT'; readonly consent: Consent } | { readonly method: 'DELETE'; readonly id: string };

/** More is allowed (500), but a hundred is what HealthLake's documentation shows and one failure costs less. */
export const batchSize = 100;

const rounds = 8;

export interface BatchOutcome {
  readonly written: number;
  /** Status codes of entries that were refused for good, with how many of each. */
  readonly refused: Readonly<Record<string, number>>;
}

/** What is sent entry by entry, and what becomes of the answers. */
export interface Sending<Item> {
  readonly entryOf: (item: Item) => object;
  /** Takes an answer that is final, with its status, e.g. `404`; empty where it has none. */
  readonly settle: (item: Item, status: string, answer: unknown) => void;
  readonly sleep?: ((milliseconds: number) => Promise<unknown>) | undefined;
}

/**
 * Sends items as one `batch` Bundle. Entries stand on their own: the outer 200 says nothing, so each entry's status is
 * read by its index, and throttled and failed ones are sent again.
 *
 * @throws RetryableError HealthLakeThrottled where some are never taken; PermanentError HealthLakeRefused where the store
 *   does not answer them one by one
 */
export async function sendBatch<Item>(
  store: Pick<FhirStore, 'postBundle'>,
  items: readonly Item[],
  { entryOf, settle, sleep = pause }: Sending<Item>,
): Promise<void> {
  let open = items;
  for (let round = 1; open.length > 0; round += 1) {
    if (round > rounds) throw new RetryableError('HealthLakeThrottled', `${open.length} entries were never taken`);
    if (round > 1) await sleep(pauseBefore(round));
    const bundle = { resourceType: 'Bundle', type: 'batch', entry: open.map(entryOf) };
    const answers = listOf(memberOf(await store.postBundle(bundle), 'entry'));
    if (answers.length !== open.length) {
      throw new PermanentError(
        'HealthLakeRefused',
        `A batch of ${open.length} entries was answered with ${answers.length} results`,
      );
    }
    const again: Item[] = [];
    for (const [index, item] of open.entries()) {
      const status = statusOf(answers[index]);
      if (isPassing(status, answers[index])) again.push(item);
      else settle(item, status, answers[index]);
    }
    open = again;
  }
}

/** Writes up to a hundred changes; what is refused for good is counted. A PUT by id may be repeated without harm. */
export async function writeBatch(
  store: Pick<FhirStore, 'postBundle'>,
  writes: readonly Write[],
  sleep?: (milliseconds: number) => Promise<unknown>,
): Promise<BatchOutcome> {
  let written = 0;
  const refused = new Map<string, number>();
  await sendBatch(store, writes, {
    entryOf: entryOfWrite,
    settle: (write, status) => {
      if (isWritten(write, status)) written += 1;
      else refused.set(status || 'none', (refused.get(status || 'none') ?? 0) + 1);
    },
    sleep,
  });
  return { written, refused: Object.fromEntries(refused) };
}

function entryOfWrite(write: Write): object {
  return write.method === 'PUT'
    ? { resource: write.consent, request: { method: 'PUT', url: `Consent/${write.consent.id}` } }
    : { request: { method: 'DELETE', url: `Consent/${write.id}` } };
}

function isWritten({ method }: Write, status: string): boolean {
  // What is to be gone may be gone already.
  return isSuccess(status) || (method === 'DELETE' && isGone(status));
}

export function isSuccess(status: string): boolean {
  return /^2\d\d$/.test(status);
}

/** Never there, or deleted. */
export function isGone(status: string): boolean {
  return status === '404' || status === '410';
}

function statusOf(answer: unknown): string {
  const stated = memberOf(memberOf(answer, 'response'), 'status');
  return typeof stated === 'string' ? stated.slice(0, 3) : '';
}

/** A failure that may be over when the entry is sent again. */
function isPassing(status: string, answer: unknown): boolean {
  if (/^5\d\d$/.test(status)) return true;
  return isThrottling(Number(status), JSON.stringify(memberOf(memberOf(answer, 'response'), 'outcome') ?? ''));
}
