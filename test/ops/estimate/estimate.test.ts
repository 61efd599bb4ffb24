import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { changeFilesOf, changesOf, estimate, looksUntil, partsOf, secondsIn } from '../../../ops/estimate/estimate.ts';
import { estimateCommand } from '../../../ops/estimate/estimate-command.ts';
import { settings, type Scenario } from '../../../ops/estimate/settings.ts';

const scenario: Scenario = {
  ...{ patients: 1_000_000, optOutRate: 0.054, changeRate: 0.002, partRows: 100_000, everyDays: 30, source: 'csv' },
  ...{ replySeconds: 2_400, exportSeconds: 3_600, bulkImportThreshold: 5_000_000, maxDeactivations: 5_000 },
};

test.each([
  { patients: 1, partRows: 100_000, parts: 1 },
  { patients: 100_000, partRows: 100_000, parts: 1 },
  { patients: 100_001, partRows: 100_000, parts: 2 },
  { patients: 60_000_000, partRows: 500_000, parts: 120 },
])('$patients people in parts of $partRows are $parts parts', ({ patients, partRows, parts }) => {
  expect(partsOf({ ...scenario, patients, partRows })).toBe(parts);
});

test.each([
  { seconds: 0, looks: 1 },
  { seconds: 1, looks: 2 },
  { seconds: 2_400, looks: 9 },
  { seconds: 7_200, looks: 25 },
  { seconds: 7_201, looks: 26 },
  { seconds: 5 * 86_400, looks: 1 + 24 + 88 + 96 },
])('an answer after $seconds seconds is found by look $looks', ({ seconds, looks }) => {
  expect(looksUntil(seconds)).toBe(looks);
});

test.each([
  { changes: 0, patients: 1_000_000, files: 0 },
  { changes: 3, patients: 1_000_000, files: 3 },
  { changes: 500_000, patients: 1_000_000, files: 10 },
  { changes: 500_010, patients: 1_000_000, files: 20 },
  { changes: 1_000_000, patients: 1_000_000, files: 20 },
  { changes: 1_000_001, patients: 1_000_001, files: 21 },
])('$changes changes of $patients people in parts of 100,000 stand in $files files', ({ changes, patients, files }) => {
  expect(changeFilesOf(changes, { ...scenario, patients })).toBe(files);
});

test.each([
  { load: 'first', changes: { activations: 54_000, others: 946_000 } },
  { load: 'regular', changes: { activations: 1_000, others: 1_000 } },
] as const)('a $load load of a million people writes $changes', ({ load, changes }) => {
  expect(changesOf(scenario, load)).toEqual(changes);
});

test.each([
  { megabytes: 1_769, seconds: 10 },
  { megabytes: 3_538, seconds: 10 },
  { megabytes: 512, seconds: 10 * (1_769 / 512) },
])('ten seconds of a core are $seconds in $megabytes MB', ({ megabytes, seconds }) => {
  expect(secondsIn(megabytes, 10)).toBeCloseTo(seconds, 6);
});

describe('an estimate', () => {
  it('never gets smaller as the cohort grows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50_000_000 }), fc.nat(10_000_000), (patients, more) => {
        const small = estimate({ ...scenario, patients }, 'first');
        const large = estimate({ ...scenario, patients: patients + more }, 'first');
        expect(large.execution.historyEvents).toBeGreaterThanOrEqual(small.execution.historyEvents);
        expect(large.healthLake.writeUnits).toBeGreaterThanOrEqual(small.healthLake.writeUnits);
        expect(large.s3.bytes).toBeGreaterThanOrEqual(small.s3.bytes);
        expect(large.mesh.bytesSent).toBeGreaterThanOrEqual(small.mesh.bytesSent);
      }),
    );
  });

  it('counts 13 bytes a person out, and in what has not opted out', () => {
    expect(estimate(scenario, 'regular').mesh).toMatchObject({ bytesSent: 13_000_000, bytesReceived: 12_298_000 });
  });

  it('says how long a full change file takes, and bills the average one', () => {
    const of = estimate({ ...scenario, patients: 100_000, partRows: 100_000 }, 'first').functions;
    const { seconds = 0, meanSeconds = 0 } = of.find(({ name }) => name === 'WriteConsents') ?? {};
    // Fifty thousand in five hundred batches, four at a time, of a second each; three files share a hundred thousand.
    expect(seconds).toBeGreaterThan(125);
    expect(meanSeconds).toBeLessThan(seconds);
  });

  it('has figures only that are numbers', () => {
    const text = JSON.stringify([estimate(scenario, 'first'), estimate({ ...scenario, patients: 1 }, 'regular')]);
    expect(text).not.toContain('null');
  });

  it('bills what it counts', () => {
    const { dollars, execution } = estimate(scenario, 'first');
    expect(dollars['Step Functions']).toBeCloseTo((execution.transitions * 0.025) / 1_000, 9);
    expect(dollars['HealthLake store, a month']).toBeCloseTo(194.4, 6);
  });
});

test.each<{ change: Partial<Scenario>; load: 'first' | 'regular'; says: RegExp }>([
  {
    change: { patients: 60_000_000, partRows: 20_000 },
    load: 'first',
    says: /history has room for 25000; each further look/,
  },
  { change: { patients: 6_000_000 }, load: 'first', says: /bulkImportThreshold \(5000000\).*would be imported/ },
  { change: { patients: 60_000_000 }, load: 'regular', says: /maxDeactivations \(5000\): every run would be held/ },
  {
    change: { patients: 20_000_000, source: 'search' },
    load: 'regular',
    says: /BuildCohort would work for \d+ s and is/,
  },
  { change: { patients: 300_000_000 }, load: 'regular', says: /of \/tmp, and BuildCohort has 6442450944 / },
  { change: { patients: 60_000_000, partRows: 1_000 }, load: 'first', says: /list of change files would be \d+ bytes/ },
  { change: { replySeconds: 6 * 86_400 }, load: 'regular', says: /MESH drops what nobody has collected for 5 days/ },
  { change: { replySeconds: 6 * 86_400 }, load: 'regular', says: /The run would last 6\.\d days and hold the mailbox/ },
  { change: { patients: 60_000_000 }, load: 'regular', says: /Should all answers come at once, CheckInbox/ },
])('warns of $says for $change', ({ change, load, says }) => {
  expect(estimate({ ...scenario, ...change }, load).warnings).toContainEqual(expect.stringMatching(says));
});

it('warns of nothing for a million people', () => {
  expect(estimate(scenario, 'first').warnings).toEqual([]);
  expect(estimate(scenario, 'regular').warnings).toEqual([]);
});

it('warns of no function that the run does not call', () => {
  const { warnings } = estimate({ ...scenario, patients: 60_000_000, source: 'csv' }, 'first');
  expect(warnings.join()).not.toContain('ReadPatients');
});

describe('the command', () => {
  it('prints tables for both loads', () => {
    const printed = estimateCommand(['--patients', '10000']);
    expect(printed).toMatch(/^10,000 people in parts of 100,000, 5\.4 % opted out, 0\.2 % change, cohort by csv\n/);
    expect(printed).toMatch(/\| Consents written +\| +10,000 \| +20 \|/);
    expect(printed).toContain('Unsure: ');
  });

  it('gives the same to machines, with its prices and their sources', () => {
    const given = JSON.parse(estimateCommand(['--patients', '10000', '--json'])) as {
      first: object;
      prices: Record<string, { source: string }>;
    };
    expect(given.first).toEqual(
      JSON.parse(JSON.stringify(estimate({ ...scenario, patients: 10_000, partRows: settings.partRows }, 'first'))),
    );
    for (const { source } of Object.values(given.prices)) expect(source).not.toBe('');
  });

  test.each([
    { args: [], says: 'Say for how many people' },
    { args: ['--patients', '0'], says: '--patients 0: must be a whole number' },
    { args: ['--patients', '9', '--opt-out-rate', '101'], says: 'must be a percentage from 0 to 100' },
    { args: ['--patients', '9', '--change-rate', 'some'], says: 'must be a percentage from 0 to 100' },
    { args: ['--patients', '9', '--part-rows', '500001'], says: 'from 1 to 500000' },
    { args: ['--patients', '9', '--cohort', 'fax'], says: 'must be csv, search or export' },
    { args: ['--patients', '9', '--env', 'prod'], says: "Unknown option '--env'" },
  ])('refuses $args: $says', ({ args, says }) => {
    expect(() => estimateCommand(args)).toThrow(says);
  });
});
