import { createHash } from 'node:crypto';
import type { CohortPart } from './cohort.ts';
import type { OptOut, PersonRecord } from './snapshot.ts';

export const changeKinds = ['activate', 'deactivate', 'create', 'update', 'retire'] as const;
/**
 * - `create`: the first Consent of a person, opted out or not
 * - `activate`: now opted out, and was not
 * - `deactivate`: no longer opted out
 * - `update`: same status, other content (model version, Patient reference)
 * - `retire`: out of the cohort for longer than may be kept: the Consent is deleted
 */
export type ChangeKind = (typeof changeKinds)[number];

export interface Change {
  readonly kind: ChangeKind;
  readonly optOut: OptOut;
  /** Empty where the cohort gave none. */
  readonly patientId: string;
}

export interface Reconciled {
  /** What to believe from now on; absent for a retired person. */
  readonly record?: PersonRecord;
  /** What to write; absent where nothing changed. */
  readonly change?: Change;
}

export interface ReconcileContext {
  /** The answer's own time, ISO 8601 UTC: taken from the answer, so that a repeat gives the same bytes. */
  readonly asAt: string;
  /** Whether the earlier snapshot was written with the present form of the Consent. */
  readonly isModelCurrent: boolean;
  readonly retentionDays: number;
}

/**
 * Tells for everybody in a part's range what to believe and what to write. The answer lists the people who have NOT
 * opted out: whoever was asked about and is absent has opted out. People in the snapshot who were not asked about keep
 * their status, never becoming inactive without a check, and are retired once they have been out for `retentionDays`.
 *
 * @param returned in step with the cohort's people, as `matchAnswer` gives it
 * @param previous the earlier snapshot's records of this range, sorted
 */
export async function* reconcile(
  cohort: CohortPart,
  returned: Uint8Array,
  previous: AsyncIterable<PersonRecord>,
  context: ReconcileContext,
): AsyncGenerator<Reconciled> {
  const { nhsNumbers, patientIds } = cohort;
  let index = 0;
  const checkNext = (before?: PersonRecord): Reconciled => {
    const nhsNumber = nhsNumbers[index] ?? 0;
    const patientId = patientIds[index] ?? '';
    const isOptedOut = returned[index] === 0;
    index += 1;
    return checked({ nhsNumber, patientId, isOptedOut }, before, context);
  };
  for await (const before of previous) {
    while (index < nhsNumbers.length && (nhsNumbers[index] ?? 0) < before.nhsNumber) yield checkNext();
    if (nhsNumbers[index] === before.nhsNumber) yield checkNext(before);
    else yield unasked(before, context);
  }
  while (index < nhsNumbers.length) yield checkNext();
}

interface CheckedPerson {
  readonly nhsNumber: number;
  readonly patientId: string;
  readonly isOptedOut: boolean;
}

function checked(person: CheckedPerson, before: PersonRecord | undefined, context: ReconcileContext): Reconciled {
  const { nhsNumber, patientId, isOptedOut } = person;
  const status = isOptedOut ? 'active' : 'inactive';
  const hasChanged = before?.status !== status;
  const since = hasChanged ? context.asAt : before.since;
  const optedOutSince = hasChanged && isOptedOut ? context.asAt : before?.optedOutSince;
  const record: PersonRecord = {
    nhsNumber,
    status,
    since,
    ...(optedOutSince === undefined ? {} : { optedOutSince }),
    patientHash: patientHashOf(patientId),
  };
  const kind = kindOf(before, record, context);
  return kind ? { record, change: { kind, optOut: record, patientId } } : { record };
}

function kindOf(
  before: PersonRecord | undefined,
  after: PersonRecord,
  context: ReconcileContext,
): ChangeKind | undefined {
  if (!before) return 'create';
  if (before.status !== after.status) return after.status === 'active' ? 'activate' : 'deactivate';
  return context.isModelCurrent && before.patientHash === after.patientHash ? undefined : 'update';
}

const millisecondsPerDay = 86_400_000;

function unasked(before: PersonRecord, { asAt, isModelCurrent, retentionDays }: ReconcileContext): Reconciled {
  const outOfCohortSince = before.outOfCohortSince ?? asAt;
  const days = (Date.parse(asAt) - Date.parse(outOfCohortSince)) / millisecondsPerDay;
  if (days < retentionDays) {
    // The Consent keeps its old form meanwhile; without a hash, a return has it rewritten.
    const patientHash = isModelCurrent ? before.patientHash : '';
    return { record: { ...before, patientHash, outOfCohortSince } };
  }
  return { change: { kind: 'retire', optOut: before, patientId: '' } };
}

/** Twelve hexadecimal digits are enough to notice another Patient; a clash would only miss a reference update. */
export function patientHashOf(patientId: string): string {
  return createHash('sha256').update(patientId).digest('hex').slice(0, 12);
}
