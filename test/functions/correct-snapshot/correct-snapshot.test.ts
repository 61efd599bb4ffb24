import { gunzipSync } from 'node:zlib';
import { describe, expect, it, test } from '@jest/globals';
import { changePasses } from '../../../shared/ndop/changes.ts';
import { changeKinds, type Change } from '../../../shared/ndop/reconcile.ts';
import { writeSetAside, type SetAside } from '../../../shared/ndop/set-aside.ts';
import { writeRecord, type PersonRecord } from '../../../shared/ndop/snapshot.ts';
import { digitsOf, samplePeople } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const people = [...samplePeople].sort((a, b) => a - b);
const [first = 0, second = 0] = people;
const last = people.at(-1) ?? 0;

/** A run that is about to close, of which these changes were set aside. */
async function withSetAside(...setAside: readonly SetAside[]): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline();
  await pipeline.open();
  for (const part of await pipeline.ask(people)) await pipeline.reconcile(part);
  await pipeline.weigh();
  for (const [index, pass] of changePasses.entries()) {
    const of = setAside.filter((_, at) => at % changePasses.length === index);
    const file = await pipeline.files.writeOnce(`runs/${pass}.ndjson`, of.map(writeSetAside).join(''));
    await pipeline.ledger.consentWrites.put(pipeline.runId, {
      ...{ part: 1, pass, file: 1, opening: 1, written: 0, present: none, provenancesFailed: 0 },
      ...(of.length > 0 ? { setAside: { ...file, count: of.length, reasons: {}, kinds: none, unsafe: 0 } } : {}),
    });
  }
  return pipeline;
}
const none = { activate: 0, deactivate: 0, create: 0, update: 0, retire: 0 };

const change = (nhsNumber: number): Change => ({
  kind: changeKinds[0],
  optOut: { nhsNumber, status: 'active', since: '2026-09-01T02:41:07Z' },
  patientId: '',
});
const heldRecord = (nhsNumber: number): PersonRecord => ({
  ...{ nhsNumber, status: 'active', since: '2026-01-01T00:00:00Z', optedOutSince: '2026-01-01T00:00:00Z' },
  patientHash: '',
});
const asideWith = (nhsNumber: number, held?: PersonRecord): SetAside => ({
  ...{ change: change(nhsNumber), reason: 'refused', held },
});

async function correctedLines(pipeline: InMemoryPipeline) {
  const { corrected } = await pipeline.part(1);
  const text = gunzipSync(pipeline.files.contents.get(corrected!.key)!).toString();
  return { corrected: corrected!, lines: text.split('\n').filter((line) => line !== '') };
}

describe('the snapshot of a part of which something was set aside', () => {
  it('says of them what the store holds, and of the others what the answer said', async () => {
    const pipeline = await withSetAside(asideWith(last, heldRecord(last)), asideWith(first));
    expect(await pipeline.correct(1)).toEqual({ part: 1, corrected: 2 });
    const { corrected, lines } = await correctedLines(pipeline);
    expect(lines.map((line) => line.slice(0, 10))).toEqual(people.slice(1).map(digitsOf));
    expect(`${lines.at(-1)}\n`).toBe(writeRecord(heldRecord(last)));
    expect(lines.slice(0, -1).every((line) => line.includes(',inactive,'))).toBe(true);
    expect(corrected).toMatchObject({ opening: 1, rows: people.length - 1, optedOut: 1 });
  });

  test.each([
    { where: 'in front of everybody', nhsNumber: 1_000_000_001 },
    { where: 'between two people', nhsNumber: second - 1 },
    { where: 'behind everybody', nhsNumber: 9_999_999_999 },
  ])('has whoever was to be gone and is still there, $where', async ({ nhsNumber }) => {
    const pipeline = await withSetAside(asideWith(nhsNumber, heldRecord(nhsNumber)));
    await pipeline.correct(1);
    const { lines } = await correctedLines(pipeline);
    expect(lines.map((line) => line.slice(0, 10))).toEqual([...people, nhsNumber].sort((a, b) => a - b).map(digitsOf));
  });

  it('comes out the same when the step runs twice', async () => {
    const pipeline = await withSetAside(asideWith(first));
    await pipeline.correct(1);
    const once = await pipeline.part(1);
    await pipeline.correct(1);
    expect(await pipeline.part(1)).toEqual(once);
  });
});

it('a run does not close with a snapshot that is yet to be corrected', async () => {
  const pipeline = await withSetAside(asideWith(first));
  await expect(pipeline.close()).rejects.toMatchObject({ name: 'LedgerInconsistent' });
  expect(pipeline.ledger.latest.present).toBeUndefined();
  await pipeline.correct(1);
  expect(await pipeline.close()).toMatchObject({ outcome: 'CompletedWithFailures' });
});
