import { patientHashOf, type OptOut, type PersonRecord } from './snapshot.ts';

export const changeKinds = ['activate', 'deactivate', 'create', 'update', 'retire'] as const;
/**
 * - `create`: the first Consent of a person, opted out or not
 * - `activate`: now opted out, and was not
 * - `deactivate`: no longer opted out
 * - `update`: same status, other content (model version, Patient reference)
 * - `retire`: out of the cohort, for longer than an opt-out may be kept: the Consent is deleted
 */
export type ChangeKind = (typeof changeKinds)[number];

export interface Change {
  readonly kind: ChangeKind;
  readonly optOut: OptOut;
  /** Empty where the cohort gave none. */
  readonly patientId: string;
}

/** What a run makes of one person. */
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

/** Somebody who was asked about and answered for. */
export interface AnsweredPerson {
  readonly nhsNumber: number;
  readonly patientId: string;
  readonly isOptedOut: boolean;
}

/**
 * Tells of somebody who was answered for what to believe and what to write. The answer lists the people who have NOT
 * opted out: whoever was asked about and is absent has opted out.
 *
 * @param before what the earlier snapshot says of the person
 */
export function reconcileAnswered(
  { nhsNumber, patientId, isOptedOut }: AnsweredPerson,
  before: PersonRecord | undefined,
  context: ReconcileContext,
): Reconciled {
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

/**
 * Tells the same of somebody in the snapshot who was not answered for. Nobody becomes inactive without a check, so an
 * opt-out stays, until the person has been out for `retentionDays` and the Consent is retired. That somebody has NOT opted
 * out is a statement that no answer vouches for any more: such a Consent is retired at once, and to have none means not to
 * have been checked.
 */
export function reconcileUnasked(
  before: PersonRecord,
  { asAt, isModelCurrent, retentionDays }: ReconcileContext,
): Reconciled {
  if (before.status === 'inactive') return { change: { kind: 'retire', optOut: before, patientId: '' } };
  const outOfCohortSince = before.outOfCohortSince ?? asAt;
  const days = (Date.parse(asAt) - Date.parse(outOfCohortSince)) / millisecondsPerDay;
  if (days < retentionDays) {
    // The Consent keeps its old form meanwhile; without a hash, a return has it rewritten.
    const patientHash = isModelCurrent ? before.patientHash : '';
    return { record: { ...before, patientHash, outOfCohortSince } };
  }
  return { change: { kind: 'retire', optOut: before, patientId: '' } };
}
