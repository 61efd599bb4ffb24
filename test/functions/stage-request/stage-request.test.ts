import { describe, expect, it, test } from '@jest/globals';
import { stageRequest } from '../../../functions/stage-request/stage-request.ts';
import { askableStates, partState } from '../../../shared/ledger/parts.ts';
import { digitsOf, samplePeople, syntheticNumbers } from '../../support/nhs-numbers.ts';
import { Observer, Stopped } from '../../support/observed.ts';
import { InMemoryPipeline } from '../../support/pipeline.ts';

const identity = '20260901T020000Z-';

describe('a part that is built', () => {
  it('becomes a request file of its people and a control file that says how it travels', async () => {
    const pipeline = await built();
    const { runId } = pipeline;
    expect(await pipeline.stage(1)).toEqual({ part: 1, rows: 8, bytes: 104 });
    const { state, attempt, request } = await pipeline.part(1);
    expect({ state, attempt }).toEqual({ state: 'staged', attempt: 1 });
    expect(request).toMatchObject({
      key: `runs/${runId}/request/part-0001.1.dat`,
      controlKey: `runs/${runId}/request/part-0001.1.ctl`,
      localId: `NDOP-${runId}-0001-1`,
      name: 'RZZ99OT001-010926-0001',
      sequence: 1,
      bytes: 104,
    });
    expect(request?.localId).toContain(identity);
    expect(pipeline.files.text(request!.controlKey)).toBe(`<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <WorkflowId>SPINE_NTT_UPHOLDING</WorkflowId>
  <To_DTS>X26OT154</To_DTS>
  <From_DTS>RZZ99OT001</From_DTS>
  <Subject>RZZ99OT001-010926-0001</Subject>
  <LocalId>NDOP-${runId}-0001-1</LocalId>
  <Compress>Y</Compress>
  <AllowChunking>Y</AllowChunking>
  <Encrypted>N</Encrypted>
</DTSControl>
`);
  });

  test.each([
    { lineEnding: 'CRLF', ending: '\r\n', bytes: 104 },
    { lineEnding: 'LF', ending: '\n', bytes: 96 },
  ] as const)('is asked about one person a line, ten digits and a comma, ended by $lineEnding', async (form) => {
    const pipeline = await built({ lineEnding: form.lineEnding });
    expect((await pipeline.stage(1)).bytes).toBe(form.bytes);
    const lines = requestLines(pipeline, (await pipeline.part(1)).request!.key, form.ending);
    expect(lines.sort()).toEqual(samplePeople.map((number) => `${digitsOf(number)},`).sort());
  });

  it('takes the next number of the month, in the order of the parts', async () => {
    const pipeline = await built({ partRows: 3 });
    for (const part of [1, 2, 3]) await pipeline.stage(part);
    const parts = await pipeline.ledger.parts.list(pipeline.runId);
    expect(parts.map(({ request }) => request?.sequence)).toEqual([1, 2, 3]);
    expect(parts.map(({ request }) => request?.name.slice(-5))).toEqual(['-0001', '-0002', '-0003']);
  });

  it('is numbered anew in the next month, by the calendar of England', async () => {
    const pipeline = await built({ partRows: 4 });
    await pipeline.stage(1);
    // Half an hour before midnight UTC it is October already in London.
    pipeline.clock.advance((Date.parse('2026-09-30T23:30:00Z') - pipeline.clock.now().getTime()) / 1000);
    await pipeline.stage(2);
    expect((await pipeline.part(2)).request).toMatchObject({ sequence: 1, name: 'RZZ99OT001-011026-0001' });
  });

  it('is not staged from a cohort file that has changed', async () => {
    const pipeline = await built();
    const { cohort } = await pipeline.part(1);
    pipeline.files.alter(cohort.key, (bytes) => bytes.toString().replace('patient', 'Patient'));
    await expect(pipeline.stage(1)).rejects.toMatchObject({ name: 'FileAltered' });
    expect((await pipeline.part(1)).state).toBe('built');
    expect(pipeline.files.keysBelow(`runs/${pipeline.runId}/request/`)).toEqual([]);
  });
});

test.each(partState.options.filter((state) => state !== 'built' && !askableStates.includes(state)))(
  'a part that is %s is left as it is: no file, no number is used up',
  async (state) => {
    const pipeline = await built();
    const first = await pipeline.stage(1);
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['staged'], { state });
    const before = await pipeline.part(1);
    const keys = pipeline.files.keysBelow('');
    expect(await pipeline.stage(1)).toEqual(first);
    expect(await pipeline.part(1)).toEqual(before);
    expect(pipeline.files.keysBelow('')).toEqual(keys);
    expect([...pipeline.ledger.mailbox.sequences.values()]).toEqual([1]);
  },
);

test.each(askableStates)(
  'a part that is %s is asked again under another LocalID, another name and with other bytes for the same people',
  async (state) => {
    const pipeline = await built({}, syntheticNumbers(200));
    await pipeline.stage(1);
    const { request: first } = await pipeline.part(1);
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['staged'], { state });
    pipeline.clock.advance(86_400);
    await pipeline.stage(1);
    const { request: second, state: now, attempt } = await pipeline.part(1);
    expect({ now, attempt }).toEqual({ now: 'staged', attempt: 2 });
    expect(second).toMatchObject({ sequence: 2, localId: `NDOP-${pipeline.runId}-0001-2` });
    for (const member of ['key', 'controlKey', 'localId', 'name', 'sha256'] as const) {
      expect(second?.[member]).not.toBe(first?.[member]);
    }
    const [before, after] = [first!, second!].map(({ key }) => requestLines(pipeline, key));
    expect(after).not.toEqual(before);
    expect(after?.sort()).toEqual(before?.sort());
    expect(pipeline.files.contents.has(first!.key)).toBe(true);
  },
);

it('a small part that is asked again has other bytes every time', async () => {
  const pipeline = await built();
  const uploads = new Set<string>();
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    await pipeline.stage(1);
    uploads.add((await pipeline.part(1)).request!.sha256);
    await pipeline.ledger.parts.move(pipeline.runId, 1, ['staged'], { state: 'overdue' });
  }
  expect(uploads.size).toBe(4);
});

test.each([1, 2, 3, 4, 5, 6].flatMap((call) => (['before', 'after'] as const).map((when) => ({ call, when }))))(
  'a stop $when call $call is followed by one request, under a name that no other try used',
  async (stopAt) => {
    const pipeline = await built();
    const observer = new Observer(stopAt);
    const { parts, files, mailbox, ...rest } = pipeline.deps();
    const watched = {
      ...rest,
      parts: observer.watch('parts', parts),
      files: observer.watch('files', files),
      mailbox: observer.watch('mailbox', mailbox),
    };
    await expect(stageRequest({ runId: pipeline.runId, part: 1, isReopened: false }, watched)).rejects.toThrow(Stopped);
    expect(await pipeline.stage(1)).toEqual({ part: 1, rows: 8, bytes: 104 });
    const { state, attempt, request } = await pipeline.part(1);
    expect({ state, attempt }).toEqual({ state: 'staged', attempt: 1 });
    expect(request?.localId).toMatch(/-0001-1$/);
    expect(await pipeline.files.readVerified(request!)).toHaveLength(104);
    expect(pipeline.files.text(request!.controlKey)).toContain(request?.name);
  },
);

async function built(
  settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {},
  cohort: readonly number[] = samplePeople,
): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline(settings);
  pipeline.cohort = cohort;
  await pipeline.open();
  await pipeline.build();
  return pipeline;
}

function requestLines(pipeline: InMemoryPipeline, key: string, ending = '\r\n'): string[] {
  const lines = pipeline.files.text(key).split(ending);
  expect(lines.pop()).toBe('');
  return lines;
}

it('stages anew what an earlier opening staged and never sent, so that no older number follows a newer one', async () => {
  const pipeline = await built();
  await pipeline.stage(1);
  const { request: first } = await pipeline.part(1);
  await pipeline.stage(1, true);
  const { request: second, attempt } = await pipeline.part(1);
  expect(second?.sequence).toBe((first?.sequence ?? 0) + 1);
  expect(attempt).toBe(2);
});
