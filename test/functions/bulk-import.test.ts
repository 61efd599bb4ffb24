import { beforeAll, describe, expect, it, test } from '@jest/globals';
import { checkImport } from '../../functions/check-import/check-import.ts';
import { consentIdOf, parseIdKey } from '../../shared/fhir/consent-id.ts';
import type { Consent } from '../../shared/fhir/consent.ts';
import type { ImportFaults } from '../support/in-memory-imports.ts';
import { ImportingPipeline } from '../support/importing-pipeline.ts';
import { syntheticNumbers } from '../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../support/pipeline.ts';

const people = syntheticNumbers(330).sort((a, b) => a - b);
const optedOut = new Set(people.filter((_, index) => index % 11 === 0));
const idKey = parseIdKey('07'.repeat(32));
const idOf = (nhsNumber: number) => consentIdOf(nhsNumber, idKey);

async function weighed(faults: ImportFaults = {}) {
  const pipeline = new ImportingPipeline({ partRows: 120, changeFileRows: 50 });
  Object.assign(pipeline.imports.faults, faults);
  await pipeline.open();
  for (const part of await pipeline.ask(people, optedOut)) await pipeline.reconcile(part);
  return { pipeline, files: (await pipeline.weigh()).files };
}

/** All Consents, but for what says which try wrote them. */
function statements(consents: ReadonlyMap<string, Consent>) {
  return [...consents.values()]
    .map(({ meta: { security, tag }, ...consent }) => ({ ...consent, security, tag }))
    .sort((a, b) => a.id.localeCompare(b.id));
}

function consentVersions({ consents, store }: InMemoryPipeline): Set<number | undefined> {
  return new Set([...consents.keys()].map((id) => store.versions.get(id)));
}

let byBatches: ReturnType<typeof statements>;
beforeAll(async () => {
  const pipeline = new InMemoryPipeline({ partRows: 120, changeFileRows: 50 });
  await pipeline.run(people, optedOut);
  byBatches = statements(pipeline.consents);
});

const everyFifth: ImportFaults = {
  isRefused: ({ resourceType }, line) => resourceType === 'Consent' && line % 5 === 0,
};

test.each<{ says: string; faults: ImportFaults; readsBack: number | 'some' | 'all' }>([
  { says: 'takes everything', faults: {}, readsBack: 0 },
  { says: 'calls its manifest manifest.json', faults: { manifestName: 'manifest.json' }, readsBack: 0 },
  { says: 'refuses some lines', faults: everyFifth, readsBack: 'some' },
  { says: 'counts lines from 0', faults: { ...everyFifth, firstLineId: 0 }, readsBack: 'some' },
  {
    says: 'words its log as the documentation prints it',
    faults: { ...everyFifth, failureLine: (line) => `{lineId:${line}, UpdateResourceResponse:{"jsonBlob":{}}` },
    readsBack: 'some',
  },
  {
    says: 'words its log in a way that nobody knows',
    faults: { ...everyFifth, failureLine: () => '{"line":"one"}' },
    readsBack: 'all',
  },
  {
    says: 'names lines that its files do not have',
    faults: { ...everyFifth, failureLine: (line) => `{"lineId":${line + 1_000}}` },
    readsBack: 'all',
  },
  {
    says: 'names one line many times',
    faults: { ...everyFifth, failureLine: () => '{"lineId":1}' },
    readsBack: 'all',
  },
  {
    says: 'counts fewer resources than it was given',
    faults: { manifest: (counts) => ({ ...counts, numberOfResourcesScanned: 7 }) },
    readsBack: 'all',
  },
  {
    says: 'counts fewer successes than resources, and no failure',
    faults: { manifest: (counts) => ({ ...counts, numberOfResourcesImportedSuccessfully: 7 }) },
    readsBack: 'all',
  },
  { says: 'leaves no manifest', faults: { manifest: () => undefined }, readsBack: 'all' },
  { says: 'claims errors and counts none', faults: { end: 'COMPLETED_WITH_ERRORS' }, readsBack: 'all' },
  { says: 'claims success and counts errors', faults: { ...everyFifth, end: 'COMPLETED' }, readsBack: 'all' },
  { says: 'fails half-way', faults: { lost: { afterLines: 150, as: 'FAILED' } }, readsBack: 'all' },
  { says: 'is cancelled', faults: { lost: { afterLines: 150, as: 'CANCEL_COMPLETED' } }, readsBack: 'all' },
  { says: 'is forgotten', faults: { lost: { afterLines: 150, as: 'forgotten' } }, readsBack: 'all' },
  { says: 'takes nothing', faults: { isRefused: () => true }, readsBack: 'all' },
])('an import that $says leaves the same store as batches', async ({ faults, readsBack }) => {
  const { pipeline, files } = await weighed(faults);
  const inactive = people.length - optedOut.size;
  await pipeline.writeAllByImport(files);
  expect(statements(pipeline.consents)).toEqual(byBatches);
  expect(consentVersions(pipeline)).toEqual(new Set([1]));

  const rows = [...pipeline.ledger.consentWrites.rows.values()].filter(({ pass }) => pass === 'others');
  expect(rows.reduce((sum, { written }) => sum + written, 0)).toBe(inactive);
  const looked = new Set(
    pipeline.store.calls.flat().flatMap(({ request: { method, url } }) => (method === 'GET' ? [url] : [])),
  );
  const read = [...looked].filter((url) => people.some((n) => !optedOut.has(n) && url === `Consent/${idOf(n)}`)).length;
  if (readsBack === 'some') expect(read).toBeGreaterThan(0);
  if (readsBack === 'some') expect(read).toBeLessThan(inactive);
  else expect(read).toBe(readsBack === 'all' ? inactive : readsBack);
  expect(await pipeline.ledger.runs.read(pipeline.runId)).toMatchObject({ outcome: 'Completed' });
});

describe('the files to import', () => {
  it('hold the Consents that withhold nobody, one a line, in the order of the changes, and Provenances of all of them', async () => {
    const { pipeline, files } = await weighed();
    await pipeline.writeFiles(files.others);
    const folder = `imports/${pipeline.runId}/1/input/`;
    const keys = pipeline.files.keysBelow(folder);
    expect(keys.slice(0, 2)).toEqual([
      `${folder}part-0001-others-0001-provenances.ndjson`,
      `${folder}part-0001-others-0001.ndjson`,
    ]);
    const resources = (isOf: (key: string) => boolean) =>
      keys.filter(isOf).flatMap((key) =>
        pipeline.files
          .text(key)
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as Consent & { readonly target: readonly { readonly reference: string }[] }),
      );
    const consents = resources((key) => !key.includes('provenances'));
    expect(consents.map(({ id }) => id)).toEqual(people.filter((n) => !optedOut.has(n)).map(idOf));
    expect(new Set(consents.map(({ status }) => status))).toEqual(new Set(['inactive']));
    const targets = resources((key) => key.includes('provenances')).flatMap(({ target }) => target);
    expect(targets.map(({ reference }) => reference)).toEqual(consents.map(({ id }) => `Consent/${id}`));
  });

  it('are not written for Consents that are to be deleted alone, which batches then delete', async () => {
    const { pipeline, files } = await weighed();
    await pipeline.writeAllByImport(files);
    pipeline.clock.advance(7 * 86_400);
    pipeline.execution = 'arn:execution:second';
    await pipeline.open({ trigger: 'console', reason: 'again' });
    const gone = people.filter((n) => !optedOut.has(n)).slice(0, 3);
    const remaining = people.filter((n) => !gone.includes(n));
    for (const part of await pipeline.ask(remaining, optedOut)) await pipeline.reconcile(part);
    const next = (await pipeline.weigh()).files;
    await pipeline.writeAllByImport(next);
    expect(pipeline.files.keysBelow(`imports/${pipeline.runId}/`)).toEqual([]);
    expect(pipeline.imports.started).toHaveLength(1);
    expect(gone.filter((n) => pipeline.consents.has(idOf(n)))).toEqual([]);
  });

  it('leave out what batches have been through', async () => {
    const { pipeline, files } = await weighed();
    const [first, ...rest] = files.others;
    await pipeline.write('others', first!.part, first!.file);
    await pipeline.writeFiles(files.others);
    const keys = pipeline.files.keysBelow(`imports/${pipeline.runId}/`).filter((key) => !key.includes('provenances'));
    expect(keys).toHaveLength(rest.length);
  });

  it('that an import has been given are given to no second one', async () => {
    const { pipeline, files } = await weighed();
    await pipeline.writeFiles(files.others);
    await pipeline.startJob();
    await pipeline.checkJob();
    await pipeline.findLeft(files.others);
    expect(await pipeline.writeFiles(files.others)).toEqual({ consents: 0 });
    expect(pipeline.files.keysBelow(`imports/${pipeline.runId}/2/`)).toEqual([]);
  });
});

describe('an import', () => {
  it('that took nothing is started anew by a resume, with the same files under another name', async () => {
    const { pipeline, files } = await weighed({ lost: { afterLines: 0, as: 'FAILED' } });
    await pipeline.writeFiles(files.others);
    await pipeline.startJob();
    await expect(pipeline.checkJob()).rejects.toMatchObject({ name: 'ConsentImportFailed' });
    pipeline.imports.faults = {};
    await pipeline.writeAllByImport(files);
    expect(pipeline.imports.started).toEqual([`ndop-${pipeline.runId}-1`, `ndop-${pipeline.runId}-2`]);
    expect(statements(pipeline.consents)).toEqual(byBatches);
  });

  it('that a stop left without an account of its files is accounted for by a resume, and not repeated', async () => {
    const { pipeline, files } = await weighed();
    await pipeline.writeFiles(files.others);
    await pipeline.startJob();
    await pipeline.checkJob();
    await pipeline.findLeft(files.others.slice(0, 1));
    await pipeline.writeAllByImport(files);
    expect(pipeline.imports.started).toHaveLength(1);
    expect(await pipeline.ledger.consentImports.find(pipeline.runId)).toMatchObject({ state: 'ended', attempt: 1 });
    expect(pipeline.ledger.consentImports.rows.size).toBe(files.others.length);
    expect(statements(pipeline.consents)).toEqual(byBatches);
  });

  it('is over as soon as it has been accounted for, and a repeat of the look asks nothing', async () => {
    const { pipeline, files } = await weighed();
    await pipeline.writeFiles(files.others);
    await pipeline.startJob();
    expect(await pipeline.checkJob()).toMatchObject({ isImported: true });
    const deps = { ...pipeline.importDeps(), describeImport: () => Promise.reject(new Error('was asked')) };
    const input = { runId: pipeline.runId, execution: pipeline.execution, waitedSeconds: 30 };
    expect(await checkImport(input, deps)).toMatchObject({ isImported: true });
  });
});

it('an import of Provenances that are refused is counted, and its Consents are taken', async () => {
  const { pipeline, files } = await weighed({ isRefused: ({ resourceType }) => resourceType === 'Provenance' });
  await pipeline.writeFiles(files.others);
  await pipeline.startJob();
  await pipeline.checkJob();
  const { left } = await pipeline.findLeft(files.others);
  expect(left).toBe(0);
  await pipeline.writeAll(files);
  expect(pipeline.published.at(-1)).toMatchObject({ provenancesFailed: files.others.length });
});
