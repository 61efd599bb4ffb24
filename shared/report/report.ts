import type { ChangeCounts, Part } from '../ledger/parts.ts';
import type { Run, RunOutcome } from '../ledger/runs.ts';
import { sumOfCounts, together, type ChangeWrites } from '../ledger/consent-writes.ts';
import { failureOf, leavesOf } from '../ndop/pieces.ts';
import { percentOf } from '../ndop/plausibility.ts';
import { changeKinds } from '../ndop/reconcile.ts';

/** What a run did, in counts: the record for operators and information governance. Holds no person. */
export interface Report {
  readonly runId: string;
  readonly opening: number;
  readonly trigger: Run['trigger'];
  readonly mode: Run['mode'];
  readonly reason?: string;
  readonly openedAt: string;
  readonly closedAt: string;
  readonly outcome: RunOutcome | 'Failed';
  readonly failure?: { readonly name: string; readonly stage: string; readonly message: string };
  readonly cohort: {
    readonly rows: number;
    readonly requested: number;
    readonly duplicates: number;
    readonly quarantined: number;
    readonly quarantinedByReason: Readonly<Record<string, number>>;
    /** Numbers asked about for another person's sake; absent where there were none, as are the next three. */
    readonly merged?: number;
    /** Replaced patients whose survivor is not in the cohort, so that its numbers are not known. */
    readonly unresolvedLinks?: number;
    /** Further numbers of patients that were left out as invalid. */
    readonly invalidOtherNumbers?: number;
    /** Further numbers that the service refused: nobody who has one is said not to be opted out. */
    readonly refusedOtherNumbers?: number;
  };
  /** Present where the service rejected a request and it was split until the rows at fault were found. */
  readonly splitting?: { readonly rounds: number; readonly requests: number; readonly refusedByService: number };
  /** Numbers asked about: more than people where some have several. */
  readonly asked: number;
  readonly answered: number;
  readonly optedOut: number;
  readonly notOptedOut: number;
  readonly optOutPercent: number;
  /** Share in the snapshot that the run compared with; absent in a first run. */
  readonly previousOptOutPercent?: number;
  /** What the answers call for. */
  readonly found: ReportedChanges;
  /** What was carried out: all that was found once a run has completed, else nothing that could be vouched for. */
  readonly changes: ReportedChanges;
  /** What the FHIR store took, what it held already with the same content, and what it did not take, with why. */
  readonly consents: {
    readonly written: number;
    readonly present: number;
    readonly failed: number;
    readonly failedByReason: Readonly<Record<string, number>>;
    /** Of those how many still say "not opted out" with nobody to vouch for it: until they are gone no run is marked. */
    readonly unsafe: number;
  };
  /** Provenances that the FHIR store did not take; the Consents are written. */
  readonly provenancesFailed: number;
  /** Consents of ours of whom no snapshot knows, since a rebuild: until they are gone no run is marked. */
  readonly strays?: number;
  /** Until when what the FHIR store holds may be relied on, and from which request it counts; absent where nothing is. */
  readonly usable?: { readonly from: string; readonly until: string };
  /** Why the run was held for a person, if it was, and what the person decided. */
  readonly review?: { readonly reasons: readonly string[]; readonly decision: string };
  /** Present where the snapshot was made anew from the FHIR store. */
  readonly rebuild?: ReportedRebuild;
  readonly parts: readonly ReportedPart[];
}

/** What a rebuild found in the FHIR store. */
export interface ReportedRebuild {
  readonly active: number;
  readonly inactive: number;
  /** People of the cohort without a Consent. */
  readonly absent: number;
  /** Consents that are not as this pipeline writes them: left out, and written anew by the next run. */
  readonly foreign: number;
  /** Consents of the cohort that the next run rewrites whatever the answer: their content is another. */
  readonly toRewrite: number;
  /** Consents of people outside the cohort whom the earlier snapshot still named. */
  readonly former: number;
  /** Further Consents of ours, of which no cohort and no snapshot says whose they are; absent where they were not counted. */
  readonly beyondCohort?: number;
}

export interface ReportedChanges {
  readonly activated: number;
  readonly deactivated: number;
  readonly created: number;
  readonly updated: number;
  readonly retired: number;
}

export interface ReportedPart {
  readonly part: number;
  readonly state: Part['state'];
  readonly rows: number;
  readonly requestBytes: number;
  readonly attempt: number;
  readonly sentAt?: string;
  readonly answeredAt?: string;
  readonly optedOut?: number;
  readonly notOptedOut?: number;
  readonly failure?: { readonly name: string; readonly message: string };
}

export interface ReportEnding {
  readonly closedAt: string;
  readonly outcome: RunOutcome | 'Failed';
  readonly failure?: Report['failure'];
  readonly written: number;
  /** What became of the changes; absent where nothing was to be written. */
  readonly writes?: ChangeWrites;
  /** Consents of ours of which nobody knows whose they are, since a rebuild found them; absent where there are none. */
  readonly strays?: number | undefined;
  readonly usable?: Report['usable'] | undefined;
  /** The reviewer's words; absent where nobody was asked. */
  readonly decision?: string | undefined;
  /** Of a rebuild: how many Consents of ours the FHIR store holds in all; absent where it could not count them. */
  readonly consentsInStore?: number | undefined;
}

const noChanges: ChangeCounts = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };

export function reportOf(run: Run, rows: readonly Part[], ending: ReportEnding): Report {
  const parts = partsOf(run, rows);
  const counts = run.cohort?.counts;
  const verdict = run.verdict;
  const found = reportedChanges(verdict?.changes ?? noChanges);
  const isWritten = ending.outcome.startsWith('Completed');
  const writes = ending.writes ?? together([]);
  const optedOut = verdict?.optedOut ?? 0;
  const notOptedOut = verdict?.notOptedOut ?? 0;
  const aside = setAside(parts, rows);
  const splitting = splittingOf(rows, aside.refused);
  // Refused in this run, or left out of it for an earlier refusal.
  const refused = aside.refused + (counts?.quarantined['refused-by-service'] ?? 0);
  const quarantinedByReason = {
    ...counts?.quarantined,
    ...(refused > 0 ? { 'refused-by-service': refused } : {}),
    ...(aside.others > 0 ? { 'upload-refused': aside.others } : {}),
  };
  return {
    runId: run.runId,
    opening: run.opening,
    trigger: run.trigger,
    mode: run.mode,
    ...(run.reason === undefined ? {} : { reason: run.reason }),
    openedAt: run.openedAt,
    closedAt: ending.closedAt,
    outcome: ending.outcome,
    ...(ending.failure ? { failure: ending.failure } : {}),
    cohort: {
      rows: counts?.rows ?? 0,
      requested: counts?.requested ?? 0,
      duplicates: counts?.duplicates ?? 0,
      quarantined: Object.values(quarantinedByReason).reduce((sum, count) => sum + count, 0),
      quarantinedByReason,
      ...(counts?.merged ? { merged: counts.merged } : {}),
      ...(counts?.unresolvedLinks ? { unresolvedLinks: counts.unresolvedLinks } : {}),
      ...(counts?.invalidOtherNumbers ? { invalidOtherNumbers: counts.invalidOtherNumbers } : {}),
      ...(counts?.refusedOtherNumbers ? { refusedOtherNumbers: counts.refusedOtherNumbers } : {}),
    },
    ...(splitting ? { splitting } : {}),
    asked: parts.filter((part) => part.sentAt !== undefined).reduce((sum, part) => sum + part.rows, 0),
    answered: optedOut + notOptedOut,
    optedOut,
    notOptedOut,
    optOutPercent: percentOf(optedOut, optedOut + notOptedOut),
    ...(verdict && verdict.previousRows > 0
      ? { previousOptOutPercent: percentOf(verdict.previousOptedOut, verdict.previousRows) }
      : {}),
    found,
    changes: isWritten
      ? lessThan(found, reportedChanges(sumOfCounts([writes.setAside, writes.present])))
      : reportedChanges(noChanges),
    consents: {
      written: ending.written,
      present: allOf(writes.present),
      failed: allOf(writes.setAside),
      failedByReason: writes.setAsideByReason,
      unsafe: writes.unsafe,
    },
    provenancesFailed: writes.provenancesFailed,
    ...(ending.strays ? { strays: ending.strays } : {}),
    ...(ending.usable ? { usable: ending.usable } : {}),
    ...(run.review && verdict
      ? { review: { reasons: verdict.reasons, decision: ending.decision ?? 'none recorded' } }
      : {}),
    ...(run.isRebuild === true ? { rebuild: rebuildOf(parts, ending) } : {}),
    parts: parts.map((part) => reportedPart(part, rows)),
  };
}

function rebuildOf(parts: readonly Part[], { consentsInStore }: ReportEnding): ReportedRebuild {
  const sum = (member: 'active' | 'inactive' | 'absent' | 'foreign' | 'tagged' | 'toRewrite' | 'former') =>
    parts.reduce((total, { rebuilt }) => total + (rebuilt?.[member] ?? 0), 0);
  return {
    active: sum('active'),
    inactive: sum('inactive'),
    absent: sum('absent'),
    foreign: sum('foreign'),
    toRewrite: sum('toRewrite'),
    former: sum('former'),
    // The count comes from an index, which may lag behind what was read.
    ...(consentsInStore === undefined ? {} : { beyondCohort: Math.max(0, consentsInStore - sum('tagged')) }),
  };
}

/** People whom splitting set aside: for an invalid number, or since the service would not take a file of them alone. */
function setAside(parts: readonly Part[], rows: readonly Part[]): { refused: number; others: number } {
  const alone = parts.flatMap((part) => leavesOf(part, rows)).filter(({ state }) => state === 'quarantined');
  // A part of one person has no piece that would still say so.
  const whole = parts.filter((part) => part.rows === 1 && part.reconciled?.quarantined === 1);
  const refused = [...alone, ...whole].filter(({ failure }) => failure?.name === 'RequestRejected').length;
  return { refused, others: alone.length + whole.length - refused };
}

function splittingOf(rows: readonly Part[], refusedByService: number): Report['splitting'] {
  const pieces = rows.filter(({ pieceOf }) => pieceOf !== undefined);
  if (pieces.length === 0) return undefined;
  return {
    rounds: Math.max(...pieces.map(({ pieceOf }) => pieceOf?.round ?? 0)),
    requests: pieces.filter(({ sentAt }) => sentAt !== undefined).length,
    refusedByService,
  };
}

/** The rows that belong to the run's cohort: a build that was stopped may have left others behind. */
export function partsOf({ cohort }: Run, rows: readonly Part[]): Part[] {
  return rows.filter(({ part, pieceOf }) => pieceOf === undefined && part <= (cohort?.parts ?? 0));
}

function reportedChanges({ activate, deactivate, create, update, retire }: ChangeCounts): ReportedChanges {
  return { activated: activate, deactivated: deactivate, created: create, updated: update, retired: retire };
}

function allOf(counts: ChangeCounts): number {
  return changeKinds.reduce((sum, kind) => sum + counts[kind], 0);
}

function lessThan(found: ReportedChanges, failed: ReportedChanges): ReportedChanges {
  return {
    activated: found.activated - failed.activated,
    deactivated: found.deactivated - failed.deactivated,
    created: found.created - failed.created,
    updated: found.updated - failed.updated,
    retired: found.retired - failed.retired,
  };
}

function reportedPart(row: Part, all: readonly Part[]): ReportedPart {
  const { part, state, rows, attempt, request, sentAt, reply, reconciled } = row;
  const failure = failureOf(row, all);
  const answeredAt = reconciled?.asAt ?? reply?.asAt;
  return {
    part,
    state,
    rows,
    requestBytes: request?.bytes ?? 0,
    attempt,
    ...(sentAt === undefined ? {} : { sentAt }),
    ...(answeredAt === undefined ? {} : { answeredAt }),
    ...(reconciled ? { optedOut: reconciled.optedOut, notOptedOut: reconciled.notOptedOut } : {}),
    ...(failure ? { failure } : {}),
  };
}
