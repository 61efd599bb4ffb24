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

/** What one part's answer came to. */
export interface PartTotals {
  readonly part: number;
  readonly optedOut: number;
  readonly notOptedOut: number;
  readonly previousOptedOut: number;
  readonly previousRows: number;
  /** Of the part's answers that named nobody, how many people the largest was about. */
  readonly largestEmptyAnswer: number;
}

export interface RunTotals extends Omit<Verdict, 'reasons'> {
  /** Rows that repeated a person in an answer. */
  readonly duplicates: number;
  readonly parts: readonly PartTotals[];
}

/**
 * Why these results need a person's eye; empty where nothing does. A share of 5.4 % is England's (March 2022), 2.77 %
 * became 4.97 % within June 2021, and women of 30 to 39 stood at 8 %: BJGP Open 8(3), NHS England statistics.
 */
export function reasonsToHold(totals: RunTotals, limits: PlausibilityLimits): string[] {
  const { changes, duplicates, parts } = totals;
  const reasons = rateReasons('', totals, limits);
  if (changes.deactivate > limits.maxDeactivations) {
    reasons.push(`${changes.deactivate} people are no longer opted out, above the limit of ${limits.maxDeactivations}`);
  }
  if (changes.retire > limits.maxDeactivations) {
    reasons.push(`${changes.retire} people are to be retired, above the limit of ${limits.maxDeactivations}`);
  }
  for (const part of parts) {
    if (part.largestEmptyAnswer > emptyAnswerTolerance) {
      reasons.push(`the answer to part ${part.part} (${part.largestEmptyAnswer} people) is empty`);
    }
    // One answer cut off at a line's end is lost in the totals of many.
    if (parts.length > 1) reasons.push(...rateReasons(`in part ${part.part}, `, part, limits));
  }
  if (duplicates > 0) reasons.push(`${duplicates} rows of the answers repeat a person`);
  return reasons;
}

type Rates = Omit<PartTotals, 'part' | 'largestEmptyAnswer'>;

/** What is unusual about the share of opted-out people, and about its move since the earlier snapshot. */
function rateReasons(where: string, rates: Rates, limits: PlausibilityLimits): string[] {
  const { optedOut, notOptedOut, previousOptedOut, previousRows } = rates;
  const reasons: string[] = [];
  const asked = optedOut + notOptedOut;
  const share = percentOf(optedOut, asked);
  if (asked >= limits.rateGateFrom) {
    if (optedOut === 0) reasons.push(`${where}nobody of ${asked} people is opted out`);
    if (share > limits.maxOptOutPercent) {
      reasons.push(`${where}${share.toFixed(1)} % are opted out, above the limit of ${limits.maxOptOutPercent} %`);
    }
  }
  if (Math.min(asked, previousRows) >= limits.rateGateFrom) {
    const before = percentOf(previousOptedOut, previousRows);
    if (Math.abs(share - before) > limits.maxChangePoints) {
      const move = `from ${before.toFixed(1)} % to ${share.toFixed(1)} %`;
      reasons.push(`${where}the share moved ${move}, more than ${limits.maxChangePoints} points`);
    }
  }
  return reasons;
}

/** @returns 0 where there is nobody */
export function percentOf(count: number, total: number): number {
  return total === 0 ? 0 : (count / total) * 100;
}
