import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { inventPeople, type People } from './people.ts';
import { RowWriter, type WrittenFile } from './row-writer.ts';
import { uuidBytes, writeUuid } from './uuid.ts';

/**
 * What can be written of the people:
 * - `cohort-csv`: everybody with a patient id in one CSV file, in random order
 * - `cohort`: the parts of the sorted cohort without patient ids, `nhsNumber,` and LF
 * - `people`: the same parts with patient ids
 * - `reply`: for each part everybody who has not opted out, `nhsNumber,` and CR LF, in the order of the request
 * - `previous`: each part's stretch of the snapshot of the run before, gzipped
 * - `changes`: a change file of creations for at most `mostChanges` people
 */
export const fileKind = z.enum(['cohort-csv', 'cohort', 'people', 'reply', 'previous', 'changes']);
export type FileKind = z.infer<typeof fileKind>;

export interface DataFile extends WrittenFile {
  readonly path: string;
  readonly rows: number;
}

export interface DataPart {
  readonly part: number;
  /** Half-open range of NHS numbers; the ranges cover the whole number line. */
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  readonly previousOptedOut: number;
  readonly files: Partial<Record<FileKind, DataFile>>;
}

/** The same people in files, with what has to come of them. Contenders get it as JSON. */
export interface DataSet {
  readonly directory: string;
  readonly seed: number;
  readonly rows: number;
  readonly optedOut: number;
  /** How many have another status than in the run before. */
  readonly changed: number;
  readonly parts: readonly DataPart[];
  readonly files: Partial<Record<FileKind, DataFile>>;
  /** SHA-256 of right answers, worked out without the pipeline's code; see the contests for their form. */
  readonly right: {
    readonly optedOut: string;
    readonly numbers: string;
    readonly people: string;
    readonly snapshot: string;
  };
}

export interface DataSetOptions {
  readonly directory: string;
  readonly rows: number;
  readonly partRows: number;
  readonly seed: number;
  readonly kinds: ReadonlySet<FileKind>;
}

/** When the run before this one was answered, and when this one was. */
export const previousAsAt = '2026-10-01T02:00:00.000Z';
export const asAt = '2026-11-01T02:00:00.000Z';

export const mostChanges = 1_000_000;
const wholeNumberLine = { from: 0, to: 10_000_000_000 };

export function writeDataSet({ directory, rows, partRows, seed, kinds }: DataSetOptions): DataSet {
  const people = inventPeople(rows, seed);
  const right = {
    optedOut: new RowWriter(),
    numbers: new RowWriter(),
    people: new RowWriter(),
    snapshot: new RowWriter(),
  };
  const parts: DataPart[] = [];
  let optedOut = 0;
  let changed = 0;
  for (const kind of kinds) mkdirSync(join(directory, kind), { recursive: true });
  for (let start = 0; start < rows; start += partRows) {
    const stretch = { part: parts.length + 1, start, end: Math.min(start + partRows, rows) };
    parts.push(writePart(directory, people, stretch, kinds));
    for (let place = start; place < stretch.end; place += 1) {
      const nhsNumber = people.nhsNumber(place);
      right.numbers.digits(nhsNumber).endRow('\n');
      if (kinds.has('cohort-csv')) writePerson(right.people, people, place);
      if (kinds.has('previous')) writeBelief(right.snapshot, people, place);
      if (people.isOptedOut(place) !== people.wasOptedOut(place)) changed += 1;
      if (!people.isOptedOut(place)) continue;
      optedOut += 1;
      right.optedOut.digits(nhsNumber).endRow('\n');
    }
  }
  const files = {
    ...(kinds.has('cohort-csv') ? { 'cohort-csv': writeCohortCsv(directory, people) } : {}),
    ...(kinds.has('changes') ? { changes: writeChanges(directory, people) } : {}),
  };
  const hashes = {
    optedOut: right.optedOut.close().sha256,
    numbers: right.numbers.close().sha256,
    people: right.people.close().sha256,
    snapshot: right.snapshot.close().sha256,
  };
  const dataSet: DataSet = { directory, seed, rows, optedOut, changed, parts, files, right: hashes };
  writeFileSync(dataSetFile(directory), `${JSON.stringify(dataSet, undefined, 2)}\n`);
  return dataSet;
}

export function dataSetFile(directory: string): string {
  return join(directory, 'data-set.json');
}

interface Stretch {
  readonly part: number;
  /** Places of the first of its people and of the first beyond. */
  readonly start: number;
  readonly end: number;
}

function writePart(directory: string, people: People, stretch: Stretch, kinds: ReadonlySet<FileKind>): DataPart {
  const { part, start, end } = stretch;
  const write = (kind: FileKind, extension: string, rows: (writer: RowWriter) => number): DataPart['files'] => {
    if (!kinds.has(kind)) return {};
    const path = join(directory, kind, `part-${String(part).padStart(4, '0')}.${extension}`);
    const writer = new RowWriter(path);
    const count = rows(writer);
    return { [kind]: { path, rows: count, ...writer.close() } };
  };
  const eachPlace = (writeRow: (place: number) => void): number => {
    for (let place = start; place < end; place += 1) writeRow(place);
    return end - start;
  };
  let previousOptedOut = 0;
  const files = {
    ...write('cohort', 'csv', (writer) =>
      eachPlace((place) => {
        writer.digits(people.nhsNumber(place)).text(',').endRow('\n');
      }),
    ),
    ...write('people', 'csv', (writer) =>
      eachPlace((place) => {
        writePerson(writer, people, place);
      }),
    ),
    ...write('reply', 'dat', (writer) => {
      let rows = 0;
      // A request begins somewhere in its part, and the answer has its order.
      const first = Math.floor((end - start) / 3);
      for (let index = 0; index < end - start; index += 1) {
        const place = start + ((first + index) % (end - start));
        if (people.isOptedOut(place)) continue;
        rows += 1;
        writer.digits(people.nhsNumber(place)).text(',').endRow('\r\n');
      }
      return rows;
    }),
    ...write('previous', 'csv', (writer) =>
      eachPlace((place) => {
        const wasOptedOut = people.wasOptedOut(place);
        if (wasOptedOut) previousOptedOut += 1;
        writer.digits(people.nhsNumber(place));
        writer.text(wasOptedOut ? `,active,${previousAsAt},${previousAsAt},` : `,inactive,${previousAsAt},,`);
        writer.text(`${patientHash(people, place)},`).endRow('\n');
      }),
    ),
  };
  return {
    part,
    from: start === 0 ? wholeNumberLine.from : people.nhsNumber(start),
    to: end === people.count ? wholeNumberLine.to : people.nhsNumber(end),
    rows: end - start,
    previousOptedOut,
    files: { ...files, ...(files.previous ? { previous: compress(files.previous) } : {}) },
  };
}

function writePerson(writer: RowWriter, people: People, place: number): void {
  writer.digits(people.nhsNumber(place)).text(',').uuid(people.patientId(place)).endRow('\n');
}

/** What has to be believed of a person now: `nhsNumber,status,since,optedOutSince`. */
function writeBelief(writer: RowWriter, people: People, place: number): void {
  const [is, was] = [people.isOptedOut(place), people.wasOptedOut(place)];
  const since = is === was ? previousAsAt : asAt;
  const optedOutSince = is ? since : was ? previousAsAt : '';
  writer
    .digits(people.nhsNumber(place))
    .text(`,${is ? 'active' : 'inactive'},${since},${optedOutSince}`)
    .endRow('\n');
}

const patientId = Buffer.alloc(uuidBytes);

function patientHash(people: People, place: number): string {
  writeUuid(patientId, 0, people.patientId(place));
  return crc32(patientId).toString(16).padStart(8, '0');
}

function compress({ path, rows }: DataFile): DataFile {
  const bytes = gzipSync(readFileSync(path), { level: 1 });
  rmSync(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(`${path}.gz`, bytes);
  return { path: `${path}.gz`, rows, bytes: bytes.length, sha256 };
}

function writeCohortCsv(directory: string, people: People): DataFile {
  const path = join(directory, 'cohort-csv', 'cohort.csv');
  const writer = new RowWriter(path);
  writer.text('nhsNumber,patientId').endRow('\n');
  for (let index = 0; index < people.count; index += 1) writePerson(writer, people, people.shuffled(index));
  return { path, rows: people.count, ...writer.close() };
}

function writeChanges(directory: string, people: People): DataFile {
  const path = join(directory, 'changes', 'changes.csv');
  const writer = new RowWriter(path);
  const rows = Math.min(people.count, mostChanges);
  for (let place = 0; place < rows; place += 1) {
    writer.text('create,').digits(people.nhsNumber(place));
    writer.text(people.isOptedOut(place) ? `,active,${asAt},${asAt},` : `,inactive,${asAt},,`);
    writer.uuid(people.patientId(place)).endRow('\n');
  }
  return { path, rows, ...writer.close() };
}
