import { PermanentError } from '../../shared/errors.ts';
import type { Written } from '../../shared/fhir/write-batch.ts';
import type { ChangeCounts } from '../../shared/ledger/parts.ts';
import type { Change } from '../../shared/ndop/reconcile.ts';
import { writeSetAside } from '../../shared/ndop/set-aside.ts';
import type { PersonRecord } from '../../shared/ndop/snapshot.ts';

/** So many refusals are single ones, and so is one in ten people of a part. */
const fewRefusals = 20;
const mostRefusedShare = 0.1;

/** What became of a file's changes, in counts, and the lines of those that were set aside. */
export class WrittenCounts {
  written = 0;
  setAside = 0;
  setAsideLines = '';
  /** Of what was set aside, how much leaves a Consent that nobody vouches for. */
  unsafe = 0;
  readonly reasons: Record<string, number> = {};
  /** Of what was set aside, and of what the store held already. */
  readonly kinds: ChangeCounts = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };
  readonly present: ChangeCounts = { ...this.kinds };
  readonly #people: number;

  /**
   * @param people of the part: refusals are few or many beside them, since a file may hold little but what was refused
   *   before
   */
  constructor(people: number) {
    this.#people = people;
  }

  /** @param recordOf what a snapshot would say of a Consent that the store holds, where it is ours */
  add(
    batch: readonly Change[],
    outcomes: readonly Written[],
    recordOf: (change: Change, held: unknown) => PersonRecord | undefined,
  ): void {
    for (const [index, change] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome?.kind === 'written') this.written += 1;
      if (outcome?.kind === 'present') this.present[change.kind] += 1;
      if (outcome?.kind !== 'set-aside') continue;
      const { reason } = outcome;
      this.setAside += 1;
      if (outcome.isUnsafe) this.unsafe += 1;
      this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
      this.kinds[change.kind] += 1;
      this.setAsideLines += writeSetAside({ change, reason, held: recordOf(change, outcome.held) });
    }
  }

  /** @throws PermanentError ConsentWritesRefused where it is not single Consents that the store refuses */
  refuseIfTooMany(runId: string): void {
    if (this.setAside <= Math.max(fewRefusals, this.#people * mostRefusedShare)) return;
    const reasons = Object.entries(this.reasons).map(([reason, count]) => `${count} times ${reason}`);
    throw new PermanentError(
      'ConsentWritesRefused',
      `The FHIR store refused ${this.setAside} Consents of a part of ${this.#people} people, so it is not single ones that are at fault (${reasons.slice(0, 3).join('; ')}): put that right, then resume run ${runId}`,
    );
  }
}
