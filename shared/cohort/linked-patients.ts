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
  readonly unresolved: readonly ReplacedPatient[];
  /** Replaced patients whose number is asked about for their survivor's sake. */
  readonly mergedRows: number;
}

/**
 * Patients who are one person with another patient, or have further numbers. They are few, so they are held in memory:
 * about 450 bytes for a replaced patient with ids of 36 characters, 50 for a further number.
 */
export class LinkedPatients {
  readonly #limit: number;
  readonly #replaced: ReplacedPatient[] = [];
  readonly #links: LinkedNumber[] = [];
  readonly #replacedBy = new Map<string, string>();
  readonly #survivors = new Map<string, string | undefined>();

  constructor(limit = 4_000_000) {
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
  addReplaced(patient: ReplacedPatient): void {
    const { patientId, replacedBy } = patient;
    this.#replaced.push(patient);
    const known = this.#replacedBy.get(patientId);
    if (patientId !== '' && (known === undefined || replacedBy < known)) this.#replacedBy.set(patientId, replacedBy);
    this.#refuseTooMany();
  }

  /** Ids of the patients at the end of each chain, whose numbers are still to be found. */
  survivors(): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const { replacedBy } of this.#replaced) {
      const survivor = this.#survivorOf(replacedBy);
      if (survivor !== undefined) ids.add(survivor);
    }
    return ids;
  }

  /** @param numberOf numbers of the survivors that are in the cohort */
  resolve(numberOf: ReadonlyMap<string, number>): ResolvedLinks {
    const links = [...this.#links];
    const unresolved: ReplacedPatient[] = [];
    let mergedRows = 0;
    const add = (nhsNumber: number, survivor: number) => {
      if (nhsNumber !== survivor) links.push({ nhsNumber, survivor });
    };
    for (const patient of this.#replaced) {
      const { nhsNumber, others } = patient;
      const survivor = numberOf.get(this.#survivorOf(patient.replacedBy) ?? '');
      if (survivor !== undefined) {
        if (nhsNumber !== undefined) add(nhsNumber, survivor);
        if (nhsNumber !== undefined && nhsNumber !== survivor) mergedRows += 1;
        for (const other of others) add(other, survivor);
      } else if (nhsNumber !== undefined) {
        unresolved.push(patient);
        for (const other of others) add(other, nhsNumber);
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
    const chain = new Set<string>();
    let id = patientId;
    for (;;) {
      if (this.#survivors.has(id)) break;
      const next = this.#replacedBy.get(id);
      if (next === undefined) {
        this.#survivors.set(id, id);
        break;
      }
      chain.add(id);
      if (chain.has(next)) {
        this.#survivors.set(id, undefined);
        break;
      }
      id = next;
    }
    const survivor = this.#survivors.get(id);
    for (const passed of chain) this.#survivors.set(passed, survivor);
    return survivor;
  }

  #refuseTooMany(): void {
    if (this.#links.length + this.#replaced.length <= this.#limit) return;
    throw new PermanentError(
      'CohortUnreadable',
      `More than ${this.#limit} rows of the cohort name further numbers or a replacement, which nobody's records come to: check the columns otherNhsNumbers and replacedBy`,
    );
  }
}
