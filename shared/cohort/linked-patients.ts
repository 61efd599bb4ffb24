import { PermanentError } from '../errors.ts';
import type { LinkedNumber } from './part-cutter.ts';

/** A patient whose record another patient's has replaced. */
export interface ReplacedPatient {
  /** Absent where the patient's own number is not valid. */
  readonly nhsNumber: number | undefined;
  readonly patientId: string;
  readonly replacedBy: string;
  /** Further numbers of the patient. */
  readonly others: readonly number[];
}

export interface ResolvedLinks {
  /** Distinct, by survivor. */
  readonly links: readonly LinkedNumber[];
  /** Replaced patients with a valid number, for whom no survivor with a valid number was found. */
  readonly unresolved: readonly { readonly nhsNumber: number; readonly patientId: string }[];
  /** Replaced patients whose number is asked about for their survivor's sake. */
  readonly mergedRows: number;
}

const none: readonly number[] = [];

/**
 * Patients who are one person with another patient, or have further numbers. They are few, so they are held in memory:
 * about half a kilobyte for a replaced patient with ids of 36 characters, 100 bytes for a further number.
 */
export class LinkedPatients {
  readonly #limit: number;
  /** Further numbers of people of their own. */
  readonly #links: LinkedNumber[] = [];
  // The replaced patients, column by column; -1 where the number is not valid.
  readonly #numbers: number[] = [];
  readonly #patientIds: string[] = [];
  readonly #replacedBy: string[] = [];
  /** By place in the columns. */
  readonly #others = new Map<number, readonly number[]>();
  readonly #nextOf = new Map<string, string>();
  /** Where chains of more than one step end; undefined where they run in a circle. */
  readonly #endOf = new Map<string, string | undefined>();

  constructor(limit = 3_000_000) {
    this.#limit = limit;
  }

  /** Further numbers of somebody who is asked about. */
  addOthers(survivor: number, others: readonly number[]): void {
    for (const nhsNumber of others) {
      if (nhsNumber !== survivor) this.#links.push({ nhsNumber, survivor });
    }
    this.#refuseTooMany();
  }

  /** Where rows disagree on who replaced a patient, the lowest id is believed, so that their order does not matter. */
  addReplaced({ nhsNumber, patientId, replacedBy, others }: ReplacedPatient): void {
    if (others.length > 0) this.#others.set(this.#numbers.length, others);
    this.#numbers.push(nhsNumber ?? -1);
    this.#patientIds.push(patientId);
    this.#replacedBy.push(replacedBy);
    const known = this.#nextOf.get(patientId);
    if (patientId !== '' && (known === undefined || replacedBy < known)) this.#nextOf.set(patientId, replacedBy);
    this.#refuseTooMany();
  }

  /** Ids of the patients at the end of each chain, whose numbers are still to be found. */
  survivors(): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const replacedBy of this.#replacedBy) {
      const survivor = this.#survivorOf(replacedBy);
      if (survivor !== undefined) ids.add(survivor);
    }
    return ids;
  }

  /** @param numberOf numbers of the survivors that are in the cohort */
  resolve(numberOf: ReadonlyMap<string, number>): ResolvedLinks {
    const links = [...this.#links];
    const unresolved: ResolvedLinks['unresolved'][number][] = [];
    let mergedRows = 0;
    for (const [place, nhsNumber] of this.#numbers.entries()) {
      const survivor = numberOf.get(this.#survivorOf(this.#replacedBy[place] ?? '') ?? '');
      const person = survivor ?? nhsNumber;
      if (person < 0) continue;
      if (survivor === undefined) unresolved.push({ nhsNumber, patientId: this.#patientIds[place] ?? '' });
      if (nhsNumber >= 0 && nhsNumber !== person) {
        links.push({ nhsNumber, survivor: person });
        mergedRows += 1;
      }
      for (const other of this.#others.get(place) ?? none) {
        if (other !== person) links.push({ nhsNumber: other, survivor: person });
      }
    }
    links.sort((a, b) => a.survivor - b.survivor || a.nhsNumber - b.nhsNumber);
    const distinct = links.filter(({ nhsNumber, survivor }, index) => {
      const before = links[index - 1];
      return nhsNumber !== before?.nhsNumber || survivor !== before.survivor;
    });
    return { links: distinct, unresolved, mergedRows };
  }

  /** The end of a chain; undefined where it runs in a circle. */
  #survivorOf(patientId: string): string | undefined {
    if (!this.#nextOf.has(patientId)) return patientId;
    const chain = new Set<string>();
    let id = patientId;
    while (!this.#endOf.has(id) && !chain.has(id)) {
      chain.add(id);
      const next = this.#nextOf.get(id);
      if (next === undefined) break;
      id = next;
    }
    // A circle comes back to an id of the chain that has a next one.
    const end = this.#endOf.has(id) ? this.#endOf.get(id) : this.#nextOf.has(id) ? undefined : id;
    for (const passed of chain) this.#endOf.set(passed, end);
    return end;
  }

  #refuseTooMany(): void {
    if (this.#links.length + this.#numbers.length <= this.#limit) return;
    throw new PermanentError(
      'CohortUnreadable',
      `More than ${this.#limit} further numbers and replaced patients stand in the cohort, which no records come to: check its columns otherNhsNumbers and replacedBy`,
    );
  }
}
