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

/**
 * Writes up to a hundred changes as one `batch` Bundle. Entries stand on their own: the outer 200 says nothing, so each
 * entry's status is read by its index, throttled and failed ones are sent again, and what is refused is counted. A PUT by
 * id may be repeated without harm.
 */
export async function writeBatch(
  store: Pick<FhirStore, 'postBundle'>,
  writes: readonly Write[],
  sleep: (milliseconds: number) => Promise<unknown> = pause,
): Promise<BatchOutcome> {
  let open = writes;
  let written = 0;
  const refused = new Map<string, number>();
  for (let round = 1; open.length > 0; round += 1) {
    if (round > rounds) throw new RetryableError('HealthLakeThrottled', `${open.length} entries were never taken`);
    if (round > 1) await sleep(pauseBefore(round));
    const answers = listOf(memberOf(await store.postBundle(bundleOf(open)), 'entry'));
    if (answers.length !== open.length) {
      throw new PermanentError(
        'HealthLakeRefused',
        `A batch of ${open.length} entries was answered with ${answers.length} results`,
      );
    }
    const again: Write[] = [];
    for (const [index, write] of open.entries()) {
      const verdict = verdictOf(write, memberOf(answers[index], 'response'));
      if (verdict === 'written') written += 1;
      else if (verdict === 'again') again.push(write);
      else refused.set(verdict.status, (refused.get(verdict.status) ?? 0) + 1);
    }
    open = again;
  }
  return { written, refused: Object.fromEntries(refused) };
}

function bundleOf(writes: readonly Write[]): object {
  return {
    resourceType: 'Bundle',
    type: 'batch',
    entry: writes.map((write) =>
      write.method === 'PUT'
        ? { resource: write.consent, request: { method: 'PUT', url: `Consent/${write.consent.id}` } }
        : { request: { method: 'DELETE', url: `Consent/${write.id}` } },
    ),
  };
}

function verdictOf(write: Write, response: unknown): 'written' | 'again' | { readonly status: string } {
  const stated = memberOf(response, 'status');
  const status = typeof stated === 'string' ? stated.slice(0, 3) : '';
  if (/^2\d\d$/.test(status)) return 'written';
  // What is to be gone may be gone already.
  if (write.method === 'DELETE' && (status === '404' || status === '410')) return 'written';
  if (/^5\d\d$/.test(status)) return 'again';
  if (isThrottling(Number(status), JSON.stringify(memberOf(response, 'outcome') ?? ''))) return 'again';
  return { status: status || 'none' };
}
