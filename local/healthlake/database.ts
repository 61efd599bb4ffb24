import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';

/**
 * `versions` holds every version of every resource and only grows at its end; a version names the one before it, which
 * spares an index. `current` holds one small row a resource in id order, so that a search reads it as an index.
 * The table `lookups` is filled from `versions` many rows at a time; `indexing` says how far it has come.
 */
const schema = `
  CREATE TABLE IF NOT EXISTS versions (
    key INTEGER PRIMARY KEY,
    previous INTEGER,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    lookups TEXT NOT NULL,
    body TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS current (
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    key INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    updated TEXT NOT NULL,
    labels INTEGER NOT NULL,
    PRIMARY KEY (type, id)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS lookups (
    value TEXT NOT NULL,
    parameter TEXT NOT NULL,
    system TEXT NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (value, parameter, system, type, id)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS indexing (only INTEGER PRIMARY KEY CHECK (only = 1), done INTEGER NOT NULL);
  INSERT OR IGNORE INTO indexing VALUES (1, 0);
  CREATE TABLE IF NOT EXISTS labels (key INTEGER PRIMARY KEY, content TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS idempotency (key TEXT PRIMARY KEY, location TEXT NOT NULL) WITHOUT ROWID;
  CREATE TEMP TABLE kept (id TEXT PRIMARY KEY) WITHOUT ROWID;
`;

/** What is written survives the end of the process, however it ends, but not a power cut. */
export function openDatabase(file: string | undefined): DatabaseSync {
  const database = new DatabaseSync(file ?? ':memory:');
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -65536;
    PRAGMA wal_autocheckpoint = 20000;
    PRAGMA temp_store = FILE;
    ${schema}
  `);
  return database;
}

export type Row = Readonly<Record<string, SQLOutputValue>>;

export function textIn(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`Column ${column} does not hold text`);
  return value;
}

export function numberIn(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`Column ${column} does not hold a number`);
  return value;
}
