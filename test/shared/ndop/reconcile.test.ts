import { describe, expect, it, test } from '@jest/globals';
import {
  reconcileAnswered,
  reconcileUnasked,
  type Reconciled,
  type ReconcileContext,
} from '../../../shared/ndop/reconcile.ts';
import { patientHashOf, type PersonRecord } from '../../../shared/ndop/snapshot.ts';

const nhsNumber = 9993395633;
const [january, march, august, september] = [
  '2026-01-01T02:00:00Z',
  '2026-03-02T02:38:55Z',
  '2026-08-02T02:41:07Z',
  '2026-09-01T02:41:07Z',
];
const context: ReconcileContext = { asAt: september, isModelCurrent: true, retentionDays: 30 };

/** What one run makes of one person: asked about or not, returned or not, with what was believed before. */
function run(
  person: { patientId?: string; returned: boolean } | undefined,
  before?: PersonRecord,
  change: Partial<ReconcileContext> = {},
): Reconciled {
  const settings = { ...context, ...change };
  if (!person) return reconcileUnasked(before!, settings);
  const { patientId = 'p1', returned } = person;
  return reconcileAnswered({ nhsNumber, patientId, isOptedOut: !returned }, before, settings);
}
const optedOut = { returned: false };
const notOptedOut = { returned: true };

const patientHash = patientHashOf('p1');
const neverOptedOut: PersonRecord = { nhsNumber, status: 'inactive', since: january, patientHash };
const active: PersonRecord = { nhsNumber, status: 'active', since: march, optedOutSince: march, patientHash };
const ended: PersonRecord = { nhsNumber, status: 'inactive', since: august, optedOutSince: march, patientHash };

describe('a person who was asked about', () => {
  test.each([
    {
      title: 'new and opted out: created as active from now on',
      person: optedOut,
      before: undefined,
      kind: 'create',
      record: { ...active, since: september, optedOutSince: september },
    },
    {
      title: 'new and not opted out: created as inactive, with no opt-out ever seen',
      person: notOptedOut,
      before: undefined,
      kind: 'create',
      record: { ...neverOptedOut, since: september },
    },
    {
      title: 'still opted out: nothing to write, dates as they were',
      person: optedOut,
      before: active,
      kind: undefined,
      record: active,
    },
    {
      title: 'still not opted out: nothing to write',
      person: notOptedOut,
      before: neverOptedOut,
      kind: undefined,
      record: neverOptedOut,
    },
    {
      title: 'still no longer opted out: the earlier opt-out is remembered',
      person: notOptedOut,
      before: ended,
      kind: undefined,
      record: ended,
    },
    {
      title: 'now opted out: activated from now on',
      person: optedOut,
      before: neverOptedOut,
      kind: 'activate',
      record: { ...active, since: september, optedOutSince: september },
    },
    {
      title: 'no longer opted out: deactivated, with the start of the opt-out kept',
      person: notOptedOut,
      before: active,
      kind: 'deactivate',
      record: { ...ended, since: september },
    },
    {
      title: 'opted out once more: a new opt-out with a new start',
      person: optedOut,
      before: ended,
      kind: 'activate',
      record: { ...active, since: september, optedOutSince: september },
    },
  ])('$title', ({ person, before, kind, record }) => {
    const result = run(person, before);
    expect(result.record).toEqual(record);
    expect(result.change?.kind).toBe(kind);
    if (kind !== undefined) expect(result.change).toMatchObject({ optOut: { nhsNumber, status: record.status } });
  });
});

describe('content of a Consent that changes without its status', () => {
  test.each([
    { title: 'another Patient', patientId: 'p2', isModelCurrent: true },
    { title: 'no Patient any more', patientId: '', isModelCurrent: true },
    { title: 'another model', patientId: 'p1', isModelCurrent: false },
  ])('is an update, with all dates as they were: $title', ({ patientId, isModelCurrent }) => {
    const result = run({ patientId, returned: false }, active, { isModelCurrent });
    const record = { ...active, patientHash: patientHashOf(patientId) };
    expect(result).toEqual({ record, change: { kind: 'update', optOut: record, patientId } });
  });

  it('goes with a change of status', () => {
    const result = run({ patientId: 'p2', returned: true }, active, { isModelCurrent: false });
    expect(result.change).toMatchObject({ kind: 'deactivate', patientId: 'p2' });
    expect(result.record?.patientHash).toBe(patientHashOf('p2'));
  });
});

describe('a person who was not asked about', () => {
  it('stays opted out and is marked as out of the cohort from now on', () => {
    expect(run(undefined, active)).toEqual({ record: { ...active, outOfCohortSince: september } });
  });

  test.each([
    { who: 'never opted out', before: neverOptedOut },
    { who: 'no longer opts out', before: ended },
    { who: 'left under earlier rules', before: { ...ended, outOfCohortSince: august } },
  ])('and $who is retired at once, since nobody vouches for that any more', ({ before }) => {
    expect(run(undefined, before)).toEqual({ change: { kind: 'retire', optOut: before, patientId: '' } });
  });

  test.each([
    { since: '2026-08-02T02:41:08Z', retentionDays: 30, isKept: true },
    { since: '2026-08-02T02:41:07Z', retentionDays: 30, isKept: false },
    { since: '2026-01-01T00:00:00Z', retentionDays: 30, isKept: false },
    { since: '2026-01-01T00:00:00Z', retentionDays: 365, isKept: true },
    { since: '2026-09-02T00:00:00Z', retentionDays: 1, isKept: true },
  ])('out since $since with $retentionDays days to keep: kept $isKept', ({ since, retentionDays, isKept }) => {
    const before = { ...active, outOfCohortSince: since };
    const result = run(undefined, before, { retentionDays });
    if (isKept) expect(result).toEqual({ record: before });
    else expect(result).toEqual({ change: { kind: 'retire', optOut: before, patientId: '' } });
  });

  it('is retired at once where nothing may be kept', () => {
    expect(run(undefined, active, { retentionDays: 0 }).change?.kind).toBe('retire');
  });

  it('who returns with the same status needs no write and is no longer out', () => {
    expect(run(optedOut, { ...active, outOfCohortSince: august })).toEqual({ record: active });
  });

  it('who returns with another status is activated or deactivated', () => {
    const away = { outOfCohortSince: august };
    expect(run(notOptedOut, { ...active, ...away }).change?.kind).toBe('deactivate');
    expect(run(optedOut, { ...ended, ...away }).change?.kind).toBe('activate');
  });

  it('who returns after a retirement is created anew', () => {
    const retired = run(undefined, { ...active, outOfCohortSince: january });
    expect(retired.record).toBeUndefined();
    expect(run(optedOut, retired.record).change?.kind).toBe('create');
  });

  it('while the model changed has the Consent rewritten on return', () => {
    const away = run(undefined, active, { isModelCurrent: false });
    expect(away.change).toBeUndefined();
    const result = run(optedOut, away.record);
    expect(result).toEqual({ record: active, change: { kind: 'update', optOut: active, patientId: 'p1' } });
  });
});
