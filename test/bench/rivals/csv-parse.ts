/** What most teams write: every row through csv-parse, every number a string in a Set or a Map. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';
import { contend, filesOf, type Assignment } from '../contend.ts';
import { asAt, type DataFile } from '../people/data-set.ts';
import { writeLines } from './write-lines.ts';

type Rows = AsyncIterable<string[]>;

async function* rowsOf(files: readonly DataFile[]): AsyncGenerator<string[]> {
  for (const { path } of files) {
    const bytes = createReadStream(path);
    const rows: Rows = path.endsWith('.gz') ? bytes.pipe(createGunzip()).pipe(parse()) : bytes.pipe(parse());
    yield* rows;
  }
}

async function build({ data, answer }: Assignment): Promise<void> {
  const people = new Map<string, string>();
  let isHeader = true;
  for await (const [nhsNumber = '', patientId = ''] of rowsOf(filesOf(data, 'cohort-csv'))) {
    if (!isHeader) people.set(nhsNumber, patientId);
    isHeader = false;
  }
  const sorted = [...people.keys()].sort();
  function* lines(): Generator<string> {
    for (const nhsNumber of sorted) yield `${nhsNumber},${people.get(nhsNumber) ?? ''}\n`;
  }
  await writeLines(lines(), join(answer, 'cohort.csv'));
}

async function stage({ data, answer }: Assignment): Promise<void> {
  async function* lines(): AsyncGenerator<string> {
    for await (const [nhsNumber = ''] of rowsOf(filesOf(data, 'cohort'))) yield `${nhsNumber},\r\n`;
  }
  await writeLines(lines(), join(answer, 'request.dat'));
}

async function reconcile({ data, answer }: Assignment): Promise<void> {
  const optedOut = new Set<string>();
  for await (const [nhsNumber = ''] of rowsOf(filesOf(data, 'cohort'))) optedOut.add(nhsNumber);
  for await (const [nhsNumber = ''] of rowsOf(filesOf(data, 'reply'))) optedOut.delete(nhsNumber);
  function* lines(): Generator<string> {
    for (const nhsNumber of optedOut) yield `${nhsNumber}\n`;
  }
  await writeLines(lines(), join(answer, 'opted-out.txt'));
}

async function snapshot({ data, answer }: Assignment): Promise<void> {
  const returned = new Set<string>();
  for await (const [nhsNumber = ''] of rowsOf(filesOf(data, 'reply'))) returned.add(nhsNumber);
  // It takes for granted that the same people stand in both, in the same order.
  async function* lines(): AsyncGenerator<string> {
    for await (const [nhsNumber = '', before, since = '', optedOutSince = '', hash = ''] of rowsOf(
      filesOf(data, 'previous'),
    )) {
      const status = returned.has(nhsNumber) ? 'inactive' : 'active';
      const isSame = status === before;
      const optedOut = !isSame && status === 'active' ? asAt : optedOutSince;
      yield `${nhsNumber},${status},${isSame ? since : asAt},${optedOut},${hash},\n`;
    }
  }
  await writeLines(lines(), join(answer, 'snapshot.csv.gz'));
}

const tasks: Readonly<Record<string, (assignment: Assignment) => Promise<void>>> = {
  build,
  stage,
  reconcile,
  snapshot,
};

await contend(async (assignment) => {
  const task = tasks[assignment.args[0] ?? ''];
  if (!task) throw new Error('There is no such task');
  await task(assignment);
});
