import {
  isGone,
  isSuccess,
  Rounds,
  sendBatch,
  sendOnce,
  type BatchStore,
  type EntryAnswer,
  type Sleep,
} from './batch.ts';
import { runIdOfSource, type Consent } from './consent.ts';
import { outcomeText } from './operation-outcome.ts';
import { readConsents } from './read-consents.ts';
import { isSame, isTagged } from './record-of-consent.ts';
import { memberOf } from '../json.ts';

export type Write =
  { readonly method: 'PUT'; readonly consent: Consent } | { readonly method: 'DELETE'; readonly id: string };

/** What became of one change. */
export type Written =
  /** The store holds it now, by this run: from just now, or from an earlier try. */
  | { readonly kind: 'written' }
  /** The store held the same content before this run. */
  | { readonly kind: 'present' }
  /** The store did not take it, and never will as it is. */
  | {
      readonly kind: 'set-aside';
      /** In a few words, with nothing of the Consent. */
      readonly reason: string;
      /** The Consent that the store holds in its place; undefined where it holds none. */
      readonly held: unknown;
      /** Whether that says of somebody that they have not opted out, with no answer that vouches for it any more. */
      readonly isUnsafe: boolean;
    };

export interface WriteBatchOptions {
  /** Base URI of our own identifiers: what bears its tag is ours. */
  readonly namespace: string;
  readonly runId: string;
  readonly sleep?: Sleep | undefined;
}

/**
 * Makes up to a hundred changes so, that a repeat changes nothing more: reads first what the store holds, and writes only
 * what differs. Wherever an answer was lost, it reads again before it writes again. So no version is written twice, a
 * Consent that is not ours is never touched, and neither is one that a later run has written.
 *
 * What is refused is set aside and the rest goes on. But whoever has opted out is withheld even so: a Consent of theirs
 * that still says otherwise is deleted, and to have none means not to have been checked.
 *
 * @returns in step with the writes
 * @throws RetryableError HealthLakeThrottled, HealthLakeUnavailable. PermanentError HealthLakeForbidden, HealthLakeRefused
 */
export async function writeBatch(
  store: BatchStore,
  writes: readonly Write[],
  { namespace, runId, sleep }: WriteBatchOptions,
): Promise<Written[]> {
  const written = new Map<Write, Written>();
  const rounds = new Rounds(sleep);
  let open = writes;
  while (open.length > 0) {
    const held = await readConsents(store, open.map(idOf), sleep);
    const due: Due[] = [];
    for (const [index, write] of open.entries()) {
      const standing = standingOf(write, held[index], { namespace, runId });
      if (standing === 'due') due.push({ write, held: held[index] });
      else written.set(write, standing);
    }
    const { refused, unsure } = await sendUntilHeard(store, due, { written, rounds });
    for (const [one, standing] of await standingNow(store, refused, { namespace, runId, sleep })) {
      written.set(one.write, standing === 'due' ? await setAside(store, one, sleep) : standing);
    }
    await rounds.next(open.length - unsure.length, unsure.length, false);
    open = unsure;
  }
  // Every write has its place in the map by now.
  return writes.flatMap((write) => written.get(write) ?? []);
}

interface Due {
  readonly write: Write;
  readonly held: unknown;
}

interface Refused extends Due {
  readonly reason: string;
}

/** Sends what is due, again and again where it is turned away, until of each entry something is known, or it is lost. */
async function sendUntilHeard(
  store: BatchStore,
  due: readonly Due[],
  { written, rounds }: { readonly written: Map<Write, Written>; readonly rounds: Rounds },
): Promise<{ readonly refused: Refused[]; readonly unsure: Write[] }> {
  const refused: Refused[] = [];
  const unsure: Write[] = [];
  let open = due;
  while (open.length > 0) {
    const entries = open.map(({ write }) => entryOf(write));
    const answers = await sendOnce(store, entries, { isUnrepeatable: true });
    const throttled: Due[] = [];
    for (const [index, one] of open.entries()) {
      const answer = answers[index];
      if (answer?.kind === 'throttled') throttled.push(one);
      else if (answer?.kind !== 'final') unsure.push(one.write);
      else if (isTaken(one.write, answer.status)) written.set(one.write, { kind: 'written' });
      else refused.push({ ...one, reason: reasonOf(answer) });
    }
    if (throttled.length > 0) await rounds.next(open.length - throttled.length, throttled.length, true);
    open = throttled;
  }
  return { refused, unsure };
}

/** What the store says of refused changes after their refusal, so that it is never recorded as it was before. */
async function standingNow(
  store: BatchStore,
  refused: readonly Refused[],
  options: WriteBatchOptions,
): Promise<(readonly [Refused, Written | 'due'])[]> {
  if (refused.length === 0) return [];
  const ids = refused.map(({ write }) => idOf(write));
  const held = await readConsents(store, ids, options.sleep);
  return refused.map((one, index) => {
    const now = { ...one, held: held[index] };
    return [now, standingOf(one.write, now.held, options)] as const;
  });
}

async function setAside(store: BatchStore, refused: Refused, sleep?: Sleep): Promise<Written> {
  const { write, reason } = refused;
  const held = (await withhold(store, refused, sleep)) ? undefined : refused.held;
  return { kind: 'set-aside', reason, held, isUnsafe: isUnvouched(write, held) };
}

/** What the store already says of a change, or that it is due. */
function standingOf(write: Write, held: unknown, { namespace, runId }: WriteBatchOptions): Written | 'due' {
  if (held === undefined) return write.method === 'PUT' ? 'due' : { kind: 'written' };
  if (!isTagged(held, namespace)) return aside('a Consent that is not ours has its id', held);
  if (write.method === 'DELETE') return 'due';
  const heldBy = runIdOfSource(memberOf(memberOf(held, 'meta'), 'source'));
  if (isSame(held, write.consent)) return { kind: heldBy === runId ? 'written' : 'present' };
  // Run ids begin with the time of the run, which says little of a run that was late: its answer then is later too.
  const isLater = heldBy > runId && momentOf(memberOf(held, 'dateTime')) > momentOf(write.consent.dateTime);
  return isLater ? aside('a later run has written it', held) : 'due';
}

/** Of what is not ours, or of a later run, this run need not vouch. */
function aside(reason: string, held: unknown): Written {
  return { kind: 'set-aside', reason, held, isUnsafe: false };
}

/** Whether a Consent still says "not opted out" of somebody of whom this run says otherwise, or nothing. */
function isUnvouched(write: Write, held: unknown): boolean {
  if (held === undefined || memberOf(held, 'status') === 'active') return false;
  return write.method === 'DELETE' || write.consent.status === 'active';
}

/**
 * Deletes the Consent of somebody who has opted out, where it says otherwise and the store refused to have it changed.
 *
 * @returns whether there is none now
 */
async function withhold(store: BatchStore, { write, held }: Refused, sleep?: Sleep): Promise<boolean> {
  if (write.method === 'DELETE' || !isUnvouched(write, held)) return held === undefined;
  const deletion: Write = { method: 'DELETE', id: write.consent.id };
  let isDeleted = false;
  await sendBatch(store, [deletion], {
    entryOf,
    settle: (_, status) => {
      isDeleted = isTaken(deletion, status);
    },
    sleep,
  });
  return isDeleted;
}

function momentOf(dateTime: unknown): number {
  return typeof dateTime === 'string' ? Date.parse(dateTime) : Number.NaN;
}

export function idOf(write: Write): string {
  return write.method === 'PUT' ? write.consent.id : write.id;
}

function entryOf(write: Write): object {
  return write.method === 'PUT'
    ? { resource: write.consent, request: { method: 'PUT', url: `Consent/${write.consent.id}` } }
    : { request: { method: 'DELETE', url: `Consent/${write.id}` } };
}

function isTaken({ method }: Write, status: string): boolean {
  // What is to be gone may be gone already.
  return isSuccess(status) || (method === 'DELETE' && isGone(status));
}

function reasonOf({ status, answer }: EntryAnswer & { kind: 'final' }): string {
  const said = outcomeText(memberOf(memberOf(answer, 'response'), 'outcome'));
  return `status ${status}${said === '' ? '' : `: ${said}`}`;
}
