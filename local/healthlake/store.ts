import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { numberIn, openDatabase, textIn, type Row } from './database.ts';
import { isObject, isResource, type FhirResource, type IdentifiedResource } from './fhir.ts';
import { LabelTable } from './label-table.ts';
import { findStatement, type Criteria } from './find.ts';
import { LookupTable } from './lookup-table.ts';
import { labelsOf, lookupsOf } from './search-index.ts';

/** One version of a resource; a deletion is a version too, without a body. */
export interface Version {
  readonly type: string;
  readonly id: string;
  readonly version: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly updated: string;
  readonly deleted: boolean;
  /** Undefined for a deletion. */
  readonly resource: FhirResource | undefined;
}

interface Page {
  readonly criteria: Criteria;
  /** Only ids greater than this one. */
  readonly after: string;
  readonly limit: number;
  /** Only resources last written at or before this time, ISO 8601. */
  readonly indexedUntil: string;
}

/** Later than whatever was written. */
export const endOfTime = '9999';

/** All versions of all resources in one SQLite database, with the indexes that searches need. */
export class Store {
  readonly #database: DatabaseSync;
  readonly #labels: LabelTable;
  readonly #lookups: LookupTable;
  readonly #statements = new Map<string, StatementSync>();

  /** @param file where the store is kept; in memory when undefined */
  constructor(file: string | undefined) {
    this.#database = openDatabase(file);
    this.#labels = new LabelTable(this.#database);
    this.#lookups = new LookupTable(this.#database);
  }

  close(): void {
    this.#database.close();
  }

  /** Runs synchronous work in one transaction, or in the one already begun; what it throws undoes it. */
  transaction<Result>(work: () => Result): Result {
    if (this.#database.isTransaction) return work();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      this.#labels.reload();
      this.#lookups.reload();
      throw error;
    }
  }

  /** The newest version, a deletion included. */
  current(type: string, id: string): Version | undefined {
    const row = this.#currentRow(type, id);
    return row && versionIn(row);
  }

  /** Every version, newest first. */
  *history(type: string, id: string): Generator<Version> {
    let row = this.#currentRow(type, id);
    while (row) {
      yield versionIn(row);
      const { previous } = row;
      row =
        typeof previous === 'number' ? this.#prepare('SELECT * FROM versions WHERE key = ?').get(previous) : undefined;
    }
  }

  /** Writes the next version. The server's own `meta` elements are set, the others kept. */
  put(resource: IdentifiedResource): Version {
    return this.transaction(() => this.#append(resource, this.#currentRow(resource.resourceType, resource.id)));
  }

  /** Writes the next version unless it would say what the current one says. */
  putIfChanged(resource: IdentifiedResource): void {
    const row = this.#currentRow(resource.resourceType, resource.id);
    if (row && numberIn(row, 'deleted') === 0) {
      const same = stamped(resource, numberIn(row, 'version'), textIn(row, 'updated'));
      const body = textIn(row, 'body');
      if (body === JSON.stringify(same) || isDeepStrictEqual(JSON.parse(body), JSON.parse(JSON.stringify(same))))
        return;
    }
    this.transaction(() => this.#append(resource, row));
  }

  /** Writes a version that says the resource is deleted. */
  delete(type: string, id: string): Version {
    return this.transaction(() => this.#append({ type, id }, this.#currentRow(type, id)));
  }

  /** Resources that meet every criterion, in id order. */
  find(type: string, { criteria, after, limit, indexedUntil }: Page): readonly Version[] {
    this.#catchUp(criteria);
    const statement = findStatement(type, criteria, this.#labels);
    if (!statement) return [];
    return this.#prepare(
      `SELECT versions.* FROM (SELECT current.id, current.key FROM ${statement.from} AND current.id > ?
         AND current.updated <= ? ORDER BY current.id LIMIT ?) AS found
       JOIN versions ON versions.key = found.key ORDER BY found.id`,
    )
      .all(...statement.values, after, indexedUntil, limit)
      .map(versionIn);
  }

  /** How many resources meet every criterion. */
  count(type: string, criteria: Criteria, indexedUntil: string): number {
    this.#catchUp(criteria);
    const statement = findStatement(type, criteria, this.#labels);
    if (!statement) return 0;
    const row = this.#prepare(`SELECT count(*) AS total FROM ${statement.from} AND current.updated <= ?`).get(
      ...statement.values,
      indexedUntil,
    );
    return row ? numberIn(row, 'total') : 0;
  }

  /** Where the resource lies that was created under an idempotency key. */
  createdUnder(idempotencyKey: string): string | undefined {
    const row = this.#prepare('SELECT location FROM idempotency WHERE key = ?').get(idempotencyKey);
    return row && textIn(row, 'location');
  }

  rememberKey(idempotencyKey: string, location: string): void {
    this.#prepare('INSERT INTO idempotency VALUES (?, ?)').run(idempotencyKey, location);
  }

  /** Starts a list of ids to keep, for `deleteUnkept`. */
  forgetKept(): void {
    this.#database.exec('DELETE FROM kept');
  }

  keep(id: string): void {
    this.#prepare('INSERT OR IGNORE INTO kept VALUES (?)').run(id);
  }

  /**
   * Deletes the first resources of a type, in id order after `after`, whose ids are not on the list.
   *
   * @returns the last id deleted, or undefined when there was none
   */
  deleteUnkept(type: string, after: string, limit: number): string | undefined {
    const ids = this.#prepare(
      `SELECT id FROM current WHERE type = ? AND id > ? AND deleted = 0 AND id NOT IN (SELECT id FROM kept)
       ORDER BY id LIMIT ?`,
    )
      .all(type, after, limit)
      .map((row) => textIn(row, 'id'));
    for (const id of ids) this.delete(type, id);
    return ids.at(-1);
  }

  #append(next: IdentifiedResource | { readonly type: string; readonly id: string }, before: Row | undefined): Version {
    const resource = isResource(next) ? next : undefined;
    const type = isResource(next) ? next.resourceType : next.type;
    const { id } = next;
    const version = before ? numberIn(before, 'version') + 1 : 1;
    const updated = new Date().toISOString();
    const stored = resource && stamped(resource, version, updated);
    const deleted = stored ? 0 : 1;
    const { lastInsertRowid } = this.#prepare(
      'INSERT INTO versions (previous, type, id, version, updated, deleted, lookups, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ).run(
      before ? numberIn(before, 'key') : null,
      type,
      id,
      version,
      updated,
      deleted,
      JSON.stringify(lookupsOf(resource)),
      stored ? JSON.stringify(stored) : '',
    );
    this.#prepare(
      `INSERT INTO current (type, id, key, deleted, updated, labels) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (type, id) DO UPDATE SET key = excluded.key, deleted = excluded.deleted, updated = excluded.updated,
         labels = excluded.labels`,
    ).run(type, id, lastInsertRowid, deleted, updated, this.#labels.keyOf(labelsOf(resource)));
    this.#lookups.advanceWhenFarBehind(Number(lastInsertRowid));
    return { type, id, version, updated, deleted: !stored, resource: stored };
  }

  #catchUp(criteria: Criteria): void {
    if (!criteria.some(({ kind }) => kind === 'lookup')) return;
    this.transaction(() => {
      this.#lookups.advance();
    });
  }

  #currentRow(type: string, id: string): Row | undefined {
    return this.#prepare(
      'SELECT versions.* FROM current JOIN versions USING (key) WHERE current.type = ? AND current.id = ?',
    ).get(type, id);
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function stamped(resource: IdentifiedResource, version: number, updated: string): IdentifiedResource {
  const { resourceType, id, meta, ...elements } = resource;
  const kept = isObject(meta) ? meta : {};
  return { resourceType, id, meta: { ...kept, versionId: String(version), lastUpdated: updated }, ...elements };
}

function versionIn(row: Row): Version {
  return {
    type: textIn(row, 'type'),
    id: textIn(row, 'id'),
    version: numberIn(row, 'version'),
    updated: textIn(row, 'updated'),
    deleted: numberIn(row, 'deleted') === 1,
    resource: resourceIn(row),
  };
}

function resourceIn(row: Row): FhirResource | undefined {
  if (numberIn(row, 'deleted') === 1) return undefined;
  const resource: unknown = JSON.parse(textIn(row, 'body'));
  if (!isResource(resource)) throw new TypeError('A stored version does not hold a resource');
  return resource;
}
