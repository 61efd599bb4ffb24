import { PermanentError } from '../errors.ts';
import { wholeNumberLine, type NumberRange } from './number-range.ts';

/**
 * Makes sure that a run's parts cover the number line, each stretch once and in order. Where they overlap, somebody would
 * stand in two files of the snapshot; where they leave a gap, whoever lies in it would be forgotten.
 *
 * @throws PermanentError LedgerInconsistent
 */
export function refuseMisfits(runId: string, parts: readonly (NumberRange & { readonly part: number })[]): void {
  let before = { part: 0, to: wholeNumberLine.from };
  for (const part of parts) {
    const fault = faultOf(part, before);
    if (fault !== undefined) throw inconsistent(runId, `part ${part.part} ${fault}`);
    before = part;
  }
  if (before.to !== wholeNumberLine.to) {
    throw inconsistent(runId, `its ${parts.length} parts do not reach the end of the number line`);
  }
}

function faultOf(
  { part, from, to }: NumberRange & { readonly part: number },
  before: { readonly part: number; readonly to: number },
): string | undefined {
  if (part <= before.part) return `comes after part ${before.part}`;
  if (from < before.to) return `overlaps part ${before.part}`;
  if (from > before.to) return 'does not begin where the one before it ends';
  return to <= from ? 'ends before it begins' : undefined;
}

function inconsistent(runId: string, fault: string): PermanentError {
  return new PermanentError(
    'LedgerInconsistent',
    `The parts of run ${runId} do not fit together: ${fault}. Nothing more is written: start a new run`,
  );
}
