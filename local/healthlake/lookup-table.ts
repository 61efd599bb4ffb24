import type { DatabaseSync } from 'node:sqlite';
import { numberIn, textIn } from './database.ts';
import { listOf, textOf } from './fhir.ts';

const mostVersionsBehind = 25_000;

interface Entry {
  readonly value: string;
  readonly rest: readonly string[];
}

/**
 * By which identifier or patient each resource can be found, derived from `versions`. Entries come in random order, so
 * one at a time each would dirty pages of its own; taken in by the thousand and sorted, they share them. Searches
 * bring the table up to date first.
 */
export class LookupTable {
  readonly #database: DatabaseSync;
  /** Key of the last version taken in. */
  #done: number;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#done = this.#readDone();
  }

  /** Reads the state again, after a transaction was undone. */
  reload(): void {
    this.#done = this.#readDone();
  }

  /** @param newest key of the newest version */
  advanceWhenFarBehind(newest: number): void {
    if (newest - this.#done >= mostVersionsBehind) this.advance();
  }

  /** Takes in every version not yet taken in; needs a transaction around it. */
  advance(): void {
    const done = this.#newest();
    if (done === this.#done) return;
    const versions = this.#database.prepare(
      `SELECT new.type, new.id, new.lookups, old.lookups AS outdated
       FROM versions AS new LEFT JOIN versions AS old ON old.key = new.previous
       WHERE new.key > ? AND (new.lookups IS NOT old.lookups) ORDER BY new.key`,
    );
    const outdated: Entry[] = [];
    const entries = new Map<string, readonly Entry[]>();
    for (const row of versions.iterate(this.#done)) {
      const type = textIn(row, 'type');
      const id = textIn(row, 'id');
      if (row.outdated !== null) outdated.push(...entriesIn(textIn(row, 'outdated'), type, id));
      entries.set(`${type}/${id}`, entriesIn(textIn(row, 'lookups'), type, id));
    }
    this.#write(
      'DELETE FROM lookups WHERE value = ? AND parameter = ? AND system = ? AND type = ? AND id = ?',
      outdated,
    );
    this.#write('INSERT OR IGNORE INTO lookups VALUES (?, ?, ?, ?, ?)', [...entries.values()].flat());
    this.#database.prepare('UPDATE indexing SET done = ?').run(done);
    this.#done = done;
  }

  #write(sql: string, entries: readonly Entry[]): void {
    const statement = this.#database.prepare(sql);
    const inOrder = entries.toSorted((a, b) => (a.value < b.value ? -1 : 1));
    for (const { value, rest } of inOrder) statement.run(value, ...rest);
  }

  #newest(): number {
    const row = this.#database.prepare('SELECT coalesce(max(key), 0) AS newest FROM versions').get();
    return row ? numberIn(row, 'newest') : 0;
  }

  #readDone(): number {
    const row = this.#database.prepare('SELECT done FROM indexing').get();
    return row ? numberIn(row, 'done') : 0;
  }
}

function entriesIn(lookups: string, type: string, id: string): readonly Entry[] {
  const list: unknown = JSON.parse(lookups);
  return listOf(list).map((lookup) => {
    const [value = '', ...rest] = listOf(lookup).map((part) => textOf(part) ?? '');
    return { value, rest: [...rest, type, id] };
  });
}
