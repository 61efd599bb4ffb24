import { PermanentError } from '../errors.ts';
import { NumberGroups } from './number-groups.ts';

/** A patient who has further numbers, or is one person with other patients. */
export interface LinkedPatient {
  /** Empty where the cohort gave none. */
  readonly patientId: string;
  /** All valid numbers of the patient. */
  readonly nhsNumbers: readonly number[];
  /** Ids of the patients whose records have taken this one's place. */
  readonly replacedBy: readonly string[];
  /** Ids of the patients whose place this one's record has taken. */
  readonly replaces: readonly string[];
}

const mostNumbers = 50;

/**
 * Which patients and numbers are one person: whoever replaced one another in either direction, over as many steps as
 * there are, and whoever shares a number. They are few, so they are held in memory, column by column: about 220 bytes
 * for a patient id of 36 characters and its number.
 */
export class LinkedPatients {
  readonly #limit: number;
  readonly #ids = new Map<string, number>();
  readonly #numbers = new Map<number, number>();
  // By node, of which each id and each number is one.
  /** A node of the same group, nearer to the one that stands for it. */
  readonly #parents: number[] = [];
  /** How often patients name it as who replaced them. */
  readonly #timesNamed: number[] = [];
  /** 1 where the cohort has the patient. */
  readonly #isKnown: number[] = [];

  constructor(limit = 6_000_000) {
    this.#limit = limit;
  }

  /** @throws PermanentError CohortUnreadable where there are more of them than memory is meant for */
  add({ patientId, nhsNumbers, replacedBy, replaces }: LinkedPatient): void {
    const survivors = replacedBy.map((id) => this.#idNode(id));
    for (const survivor of survivors) this.#timesNamed[survivor] = (this.#timesNamed[survivor] ?? 0) + 1;
    const nodes = [...survivors, ...replaces.map((id) => this.#idNode(id))];
    for (const nhsNumber of nhsNumbers) nodes.push(this.#numberNode(nhsNumber));
    if (patientId !== '') {
      const node = this.#idNode(patientId);
      this.#isKnown[node] = 1;
      nodes.push(node);
    }
    for (const node of nodes) this.#join(node, nodes[0] ?? node);
    this.#refuseTooMany();
  }

  /** Ids of the patients that links name, more of whose numbers may stand in the cohort. */
  get patientIds(): Pick<ReadonlyMap<string, unknown>, 'size' | 'has' | 'keys'> {
    return this.#ids;
  }

  /**
   * A number that stands in the cohort for one of those patients.
   *
   * @throws PermanentError CohortUnreadable
   */
  addNumber(patientId: string, nhsNumber: number): void {
    const node = this.#ids.get(patientId);
    if (node === undefined) return;
    this.#isKnown[node] = 1;
    this.#join(this.#numberNode(nhsNumber), node);
    this.#refuseTooMany();
  }

  /**
   * How many times a patient is said to be replaced by somebody of whom the cohort has neither a valid number nor links.
   * Ask once all numbers are added.
   */
  get unresolved(): number {
    return this.#timesNamed.reduce((sum, times, node) => sum + (this.#isKnown[node] === 1 ? 0 : times), 0);
  }

  /**
   * The numbers of everybody who has several.
   *
   * @param refused numbers that the service refused not long ago
   * @throws PermanentError CohortUnreadable where somebody has more than a person can have
   */
  groups(refused: Pick<ReadonlySet<number>, 'has'>): NumberGroups {
    const sizes = new Uint32Array(this.#parents.length);
    for (const node of this.#numbers.values()) {
      const root = this.#rootOf(node);
      sizes[root] = (sizes[root] ?? 0) + 1;
    }
    const tooLarge = sizes.reduce((count, size) => count + (size > mostNumbers ? 1 : 0), 0);
    if (tooLarge > 0) {
      throw new PermanentError(
        'CohortUnreadable',
        `${tooLarge} groups of linked patients have more than ${mostNumbers} NHS numbers, which no person has: check whether the cohort's columns otherNhsNumbers, replacedBy and replaces, or the Patients' identifiers and links, name the same number or patient for many`,
      );
    }
    const everyNumber = new Float64Array(this.#numbers.size);
    let count = 0;
    for (const [nhsNumber, node] of this.#numbers) {
      if ((sizes[this.#rootOf(node)] ?? 0) === 1) continue;
      everyNumber[count] = nhsNumber;
      count += 1;
    }
    const inGroups = everyNumber.subarray(0, count).sort();
    const roots = Uint32Array.from(inGroups, (nhsNumber) => this.#rootOf(this.#numbers.get(nhsNumber) ?? 0));
    return new NumberGroups(inGroups, roots, refused);
  }

  #idNode(patientId: string): number {
    const known = this.#ids.get(patientId);
    if (known !== undefined) return known;
    const node = this.#newNode();
    this.#ids.set(patientId, node);
    return node;
  }

  #numberNode(nhsNumber: number): number {
    const known = this.#numbers.get(nhsNumber);
    if (known !== undefined) return known;
    const node = this.#newNode();
    this.#numbers.set(nhsNumber, node);
    return node;
  }

  #newNode(): number {
    const node = this.#parents.length;
    this.#parents.push(node);
    this.#timesNamed.push(0);
    this.#isKnown.push(0);
    return node;
  }

  /** The node that stands for a group; the way there is halved, so that no chain is gone over again and again. */
  #rootOf(from: number): number {
    const parents = this.#parents;
    let node = from;
    for (let parent = parents[node] ?? node; parent !== node; parent = parents[node] ?? node) {
      parents[node] = parents[parent] ?? parent;
      node = parent;
    }
    return node;
  }

  #join(one: number, other: number): void {
    const root = this.#rootOf(one);
    this.#parents[root] = this.#rootOf(other);
  }

  #refuseTooMany(): void {
    if (this.#parents.length <= this.#limit) return;
    throw new PermanentError(
      'CohortUnreadable',
      `More than ${this.#limit} patient ids and numbers of linked patients stand in the cohort, which no records come to: check its columns otherNhsNumbers, replacedBy and replaces`,
    );
  }
}
