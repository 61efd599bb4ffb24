import type { Verdict } from '../ledger/runs.ts';

/** Limits beyond which a person looks before anything is written. */
export interface PlausibilityLimits {
  /** Rates say little of a few people: below this many asked they are not judged. */
  readonly rateGateFrom: number;
  /** Largest share of opted-out people, in percent. */
  readonly maxOptOutPercent: number;
  /** Largest move of that share since the earlier snapshot, in percentage points. */
  readonly maxChangePoints: number;
  /** Most people that one run may take out of the opt-out, or retire: the directions that are hard to take back. */
  readonly maxDeactivations: number;
}

/** So few people may all have opted out without anybody wondering. */
const emptyAnswerTolerance = 20;

export interface RunTotals extends Omit<Verdict, 'reasons'> {
  /** Rows that repeated a person in an answer. */
  readonly duplicates: number;
  /** For each part: how many were asked about, and how many came back. */
  readonly parts: readonly { readonly part: number; readonly asked: number; readonly returned: number }[];
}

/**
 * Why these results need a person's eye; empty where nothing does. A share of 5.4 % is England's (March 2022), 2.77 %
 * became 4.97 % within June 2021, and women of 30 to 39 stood at 8 %: BJGP Open 8(3), NHS England statistics.
 */
export function reasonsToHold(totals: RunTotals, limits: PlausibilityLimits): string[] {
  const reasons: string[] = [];
  const asked = totals.optedOut + totals.notOptedOut;
  const share = percentOf(totals.optedOut, asked);
  if (asked >= limits.rateGateFrom) {
    if (totals.optedOut === 0) reasons.push(`nobody of ${asked} people is opted out`);
    if (share > limits.maxOptOutPercent) {
      reasons.push(`${share.toFixed(1)} % are opted out, above the limit of ${limits.maxOptOutPercent} %`);
    }
  }
  if (Math.min(asked, totals.previousRows) >= limits.rateGateFrom) {
    const before = percentOf(totals.previousOptedOut, totals.previousRows);
    const points = Math.abs(share - before);
    if (points > limits.maxChangePoints) {
      reasons.push(
        `the share moved from ${before.toFixed(1)} % to ${share.toFixed(1)} %, more than ${limits.maxChangePoints} points`,
      );
    }
  }
  if (totals.changes.deactivate > limits.maxDeactivations) {
    reasons.push(
      `${totals.changes.deactivate} people are no longer opted out, above the limit of ${limits.maxDeactivations}`,
    );
  }
  if (totals.changes.retire > limits.maxDeactivations) {
    reasons.push(`${totals.changes.retire} people are to be retired, above the limit of ${limits.maxDeactivations}`);
  }
  for (const { part, asked: rows, returned } of totals.parts) {
    if (returned === 0 && rows > emptyAnswerTolerance)
      reasons.push(`the answer to part ${part} (${rows} people) is empty`);
  }
  if (totals.duplicates > 0) reasons.push(`${totals.duplicates} rows of the answers repeat a person`);
  return reasons;
}

/** @returns 0 where there is nobody */
export function percentOf(count: number, total: number): number {
  return total === 0 ? 0 : (count / total) * 100;
}
