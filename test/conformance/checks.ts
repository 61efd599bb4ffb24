import { setTimeout as pause } from 'node:timers/promises';

/** One thing that a case found to hold, or not to. */
export interface Check {
  /** Always the same words, so that a listed difference can name it. */
  readonly claim: string;
  readonly holds: boolean;
  /** What was found, where that says more. */
  readonly found?: string;
}

/** A case has got as far as it can by itself; thrown by the case. */
export class Waiting extends Error {
  override readonly name = 'Waiting';
}

/** What one case found. */
export class Checks {
  readonly made: Check[] = [];

  /** Returns whether it holds, for what makes sense only then. */
  that(claim: string, holds: boolean, found?: string): boolean {
    this.made.push({ claim, holds, ...(found === undefined ? {} : { found }) });
    return holds;
  }

  equal(claim: string, found: string | number | undefined, expected: string | number): boolean {
    const holds = found === expected;
    return this.that(claim, holds, holds ? String(found) : `${found ?? 'nothing'} instead of ${expected}`);
  }
}

/** Tries until something is there; undefined where it is not in time. */
export async function eventually<Found>(
  { everyMilliseconds, forSeconds }: { readonly everyMilliseconds: number; readonly forSeconds: number },
  look: () => Promise<Found | undefined>,
): Promise<Found | undefined> {
  const until = performance.now() + forSeconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() + everyMilliseconds > until) return undefined;
    await pause(everyMilliseconds);
  }
}
