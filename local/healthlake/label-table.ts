import type { DatabaseSync } from 'node:sqlite';
import { numberIn, textIn } from './database.ts';
import { listOf, textOf } from './fhir.ts';
import { labelParameters, type LabelParameter, type Labels, type Token } from './search-index.ts';

/**
 * Gives every combination of labels a number. Resources share a handful of combinations, so a search decides on the
 * combinations in memory and the database compares numbers.
 */
export class LabelTable {
  readonly #database: DatabaseSync;
  readonly #keys = new Map<string, number>();
  readonly #combinations = new Map<number, Labels>();

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.reload();
  }

  /** Reads the table again, after a transaction was undone. */
  reload(): void {
    this.#keys.clear();
    this.#combinations.clear();
    for (const row of this.#database.prepare('SELECT key, content FROM labels').all()) {
      this.#remember(numberIn(row, 'key'), textIn(row, 'content'));
    }
  }

  keyOf(labels: Labels): number {
    const content = JSON.stringify(
      labelParameters.map((parameter) => labels[parameter].map(({ system, value }) => [system, value])),
    );
    const known = this.#keys.get(content);
    if (known !== undefined) return known;
    const { lastInsertRowid } = this.#database.prepare('INSERT INTO labels (content) VALUES (?)').run(content);
    return this.#remember(Number(lastInsertRowid), content);
  }

  /** The numbers of the combinations that meet a test. */
  matching(test: (labels: Labels) => boolean): readonly number[] {
    return [...this.#combinations].filter(([, labels]) => test(labels)).map(([key]) => key);
  }

  #remember(key: number, content: string): number {
    const parsed: unknown = JSON.parse(content);
    const lists = listOf(parsed);
    const read = (parameter: LabelParameter): readonly Token[] =>
      listOf(lists[labelParameters.indexOf(parameter)]).map(tokenOf);
    this.#keys.set(content, key);
    this.#combinations.set(key, {
      _source: read('_source'),
      _tag: read('_tag'),
      category: read('category'),
      status: read('status'),
      subtype: read('subtype'),
      type: read('type'),
    });
    return key;
  }
}

function tokenOf(pair: unknown): Token {
  const [system, value] = listOf(pair);
  return { system: textOf(system) ?? '', value: textOf(value) ?? '' };
}
