import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError, RetryableError } from '../errors.ts';
import { listOf, memberOf } from '../json.ts';
import { isThrottling } from './failures.ts';
import { pauseBefore } from './pace.ts';
import type { FhirStore } from './store.ts';

/** More is allowed (500), but a hundred is what HealthLake's documentation shows and one failure costs less. */
export const batchSize = 100;

export type BatchStore = Pick<FhirStore, 'postBundle' | 'throttled'>;
export type Sleep = (milliseconds: number) => Promise<unknown>;

/** What became of one entry. */
export type EntryAnswer =
  | {
      readonly kind: 'final';
      /** Of three digits. */
      readonly status: string;
      readonly answer: unknown;
    }
  /** Turned away: nothing has happened. */
  | { readonly kind: 'throttled' }
  /** Nobody knows whether it has happened. */
  | { readonly kind: 'unsure' };

export interface SendOptions {
  /** Where the whole call goes unanswered, every entry is unsure. Else it is sent again, as suits reads. */
  readonly isUnrepeatable?: boolean;
}

/**
 * Sends entries once, as one `batch` Bundle, and gives what became of each. Entries stand on their own: the outer 200 says
 * nothing, so each entry's status is read by its index.
 *
 * @throws RetryableError HealthLakeThrottled, HealthLakeUnavailable. PermanentError HealthLakeForbidden, HealthLakeRefused,
 *   the latter also where the store does not answer the entries one by one
 */
export async function sendOnce(
  store: BatchStore,
  entries: readonly object[],
  { isUnrepeatable = false }: SendOptions = {},
): Promise<EntryAnswer[]> {
  let answer: unknown;
  try {
    answer = await store.postBundle({ resourceType: 'Bundle', type: 'batch', entry: entries }, { isUnrepeatable });
  } catch (error) {
    const isUnsure = error instanceof RetryableError && error.name === 'HealthLakeUnavailable';
    if (isUnrepeatable && isUnsure) return entries.map(() => ({ kind: 'unsure' }));
    throw error;
  }
  const answers = listOf(memberOf(answer, 'entry'));
  if (answers.length !== entries.length) {
    throw new PermanentError(
      'HealthLakeRefused',
      `A batch of ${entries.length} entries was answered with ${answers.length} results`,
    );
  }
  const read = answers.map(answerOf);
  if (read.some(({ kind }) => kind === 'throttled')) store.throttled();
  return read;
}

/** What is sent entry by entry, and what becomes of the answers that are final. */
export interface Sending<Item> {
  readonly entryOf: (item: Item) => object;
  readonly settle: (item: Item, status: string, answer: unknown) => void;
  readonly sleep?: Sleep | undefined;
}

/**
 * Sends items as one `batch` Bundle, and again whatever was turned away or failed, until every answer is final: for what
 * does no harm when it is done twice.
 *
 * @throws as `sendOnce` does; RetryableError HealthLakeThrottled, HealthLakeUnavailable where some are never settled
 */
export async function sendBatch<Item>(
  store: BatchStore,
  items: readonly Item[],
  { entryOf, settle, sleep }: Sending<Item>,
): Promise<void> {
  const rounds = new Rounds(sleep);
  let open = items;
  while (open.length > 0) {
    const answers = await sendOnce(store, open.map(entryOf));
    const again: Item[] = [];
    for (const [index, item] of open.entries()) {
      const answer = answers[index];
      if (answer?.kind === 'final') settle(item, answer.status, answer.answer);
      else again.push(item);
    }
    const isThrottled = answers.some(({ kind }) => kind === 'throttled');
    await rounds.next(open.length - again.length, again.length, isThrottled);
    open = again;
  }
}

/** Rounds of sending again: with a pause before each, and an end where nothing more is taken. */
export class Rounds {
  readonly #sleep: Sleep;
  #fruitless = 0;

  constructor(sleep: Sleep = pause) {
    this.#sleep = sleep;
  }

  /**
   * To be called after each round.
   *
   * @param settled how many entries it has settled
   * @param left how many are left
   * @param isThrottled whether some of those were turned away; else nothing certain was heard of them
   * @throws RetryableError HealthLakeThrottled, HealthLakeUnavailable after eight rounds on end that settled none
   */
  async next(settled: number, left: number, isThrottled: boolean): Promise<void> {
    this.#fruitless = settled > 0 ? 0 : this.#fruitless + 1;
    if (left === 0) return;
    if (this.#fruitless === 8) {
      throw isThrottled
        ? new RetryableError('HealthLakeThrottled', `${left} entries were never taken`)
        : new RetryableError('HealthLakeUnavailable', `Nothing certain was heard of ${left} entries`);
    }
    await this.#sleep(pauseBefore(this.#fruitless + 1));
  }
}

/** Request Timeout, Conflict, Too Early. */
const unsureStatuses = new Set(['408', '409', '425']);

export function isSuccess(status: string): boolean {
  return /^2\d\d$/.test(status);
}

/** Never there, or deleted. */
export function isGone(status: string): boolean {
  return status === '404' || status === '410';
}

/** @throws PermanentError HealthLakeForbidden: what one entry may not, none may */
function answerOf(answer: unknown): EntryAnswer {
  const response = memberOf(answer, 'response');
  const stated = memberOf(response, 'status');
  const status = typeof stated === 'string' ? stated.slice(0, 3) : '';
  if (isThrottling(Number(status), JSON.stringify(memberOf(response, 'outcome') ?? ''))) return { kind: 'throttled' };
  // Whatever is neither a success nor a plain refusal says nothing: time-outs, conflicts, and answers without a status.
  if (!/^[24]\d\d$/.test(status) || unsureStatuses.has(status)) return { kind: 'unsure' };
  if (status === '401' || status === '403') {
    throw new PermanentError(
      'HealthLakeForbidden',
      `HealthLake took the batch and refused its entries (status ${status}): give the function's role the actions on single resources`,
    );
  }
  return { kind: 'final', status, answer };
}
