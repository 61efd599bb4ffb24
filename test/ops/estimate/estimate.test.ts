import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import {
  batchesOf,
  changeFilesOf,
  changesOf,
  estimate,
  looksUntil,
  partsOf,
  secondsIn,
  type RunEstimate,
} from '../../../ops/estimate/estimate.ts';
import { estimateCommand } from '../../../ops/estimate/estimate-command.ts';
import { settings, type Scenario } from '../../../ops/estimate/settings.ts';

const scenario: Scenario = {
  ...{ patients: 1_000_000, optOutRate: 0.054, changeRate: 0.002, partRows: 100_000, everyDays: 7, source: 'csv' },
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
  expect(changesOf(scenario, load)).toMatchObject({ ...changes, isImport: false });
});

test.each([
  { people: 0, files: 0, batches: 0, ofProvenances: 0 },
  { people: 1, files: 1, batches: 1, ofProvenances: 1 },
  { people: 26, files: 26, batches: 26, ofProvenances: 26 },
  { people: 2_000, files: 1, batches: 20, ofProvenances: 1 },
  { people: 2_001, files: 1, batches: 21, ofProvenances: 2 },
  { people: 100_000, files: 2, batches: 1_000, ofProvenances: 50 },
])(
  '$people changes in $files files are $batches batches, and $ofProvenances of Provenances',
  ({ people, files, ...batches }) => {
    expect(batchesOf(people, files)).toEqual(batches);
  },
);

test.each([
  { megabytes: 1_769, seconds: 10 },
  { megabytes: 3_538, seconds: 10 },
  { megabytes: 512, seconds: 10 * (1_769 / 512) },
])('ten seconds of a core are $seconds in $megabytes MB', ({ megabytes, seconds }) => {
  expect(secondsIn(megabytes, 10)).toBeCloseTo(seconds, 6);
});

const writtenIn = ({ healthLake }: RunEstimate) => healthLake.writes + healthLake.imported;

describe('an estimate', () => {
  it('never gets smaller as the cohort grows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50_000_000 }), fc.nat(10_000_000), (patients, more) => {
        const small = estimate({ ...scenario, patients }, 'first');
        const large = estimate({ ...scenario, patients: patients + more }, 'first');
        expect(large.execution.historyEvents).toBeGreaterThanOrEqual(small.execution.historyEvents);
        expect(writtenIn(large)).toBeGreaterThanOrEqual(writtenIn(small));
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
    // Five hundred batches, four at a time, each read and written in a second each; 25 times twenty Provenances likewise,
    // one after another. Three files share a hundred thousand.
    expect(seconds).toBeGreaterThan(300);
    expect(seconds).toBeLessThan(330);
    expect(meanSeconds).toBeLessThan(seconds);
  });

  it('has figures only that are numbers', () => {
    const text = JSON.stringify([estimate(scenario, 'first'), estimate({ ...scenario, patients: 1 }, 'regular')]);
    expect(text).not.toContain('null');
  });

  it('reads what it writes, and writes a Provenance for each batch', () => {
    const { healthLake } = estimate(scenario, 'first');
    expect(healthLake).toMatchObject({ writes: 1_000_000, provenances: 10_000, reads: 1_010_000, imported: 0 });
    // Two units a Consent, eight a Provenance of a hundred, two for the marker.
    expect(healthLake.writeUnits).toBe(2_000_000 + 80_000 + 2);
    // Batches and those of twenty Provenances, each to be read and to be written.
    expect(healthLake.bundles).toBe(2 * (10_000 + 10 * (3 + 25 + 23)));
    expect(healthLake.minutesAtQuota).toBeCloseTo(2_080_002 / 3_000 / 60, 6);
  });

  it('leaves to batches, beyond the threshold, those alone who are to be withheld', () => {
    const { healthLake, minutes, s3 } = estimate({ ...scenario, bulkImportThreshold: 999_999 }, 'first');
    expect(healthLake).toMatchObject({ writes: 54_000, imported: 946_000, importSeconds: 946_000 / 1_500 });
    expect(minutes.importing).toBeGreaterThan(946_000 / 1_500 / 60);
    expect(minutes.writing).toBeLessThan(estimate(scenario, 'first').minutes.writing / 2);
    expect(s3.importBytes).toBeGreaterThan(946_000 * 1_700);
  });

  it('takes the minutes of an import from whoever knows them', () => {
    const short = { ...scenario, bulkImportThreshold: 1, importSeconds: 600 };
    expect(estimate(short, 'first').healthLake.importSeconds).toBe(600);
    expect(estimate({ ...short, bulkImportThreshold: 5_000_000 }, 'first').healthLake.importSeconds).toBe(0);
  });

  it('counts drains between runs alone', () => {
    expect(estimate(scenario, 'first').execution.drainTransitions).toBe(0);
    expect(estimate(scenario, 'regular').execution.drainTransitions).toBe(35);
  });

  it('bills what it counts', () => {
    const { dollars, execution } = estimate(scenario, 'regular');
    expect(dollars['Step Functions']).toBeCloseTo(((execution.transitions + 35) * 0.025) / 1_000, 9);
    expect(dollars['HealthLake store, a month']).toBeCloseTo(194.4, 6);
  });
});

test.each<{ change: Partial<Scenario>; load: 'first' | 'regular'; says: RegExp }>([
  {
    change: { patients: 60_000_000, partRows: 20_000 },
    load: 'first',
    says: /history has room for 25000; each further look/,
  },
  {
    change: { patients: 6_000_000 },
    load: 'first',
    says: /bulkImportThreshold \(5000000\): the 5676000 that withhold nobody go by import.* 1500 Consents a second/,
  },
  {
    change: { patients: 6_000_000, importSeconds: 3_600 },
    load: 'first',
    says: /by batches, and the writing takes \d+ minutes\..* 60 minutes are what --import-minutes says/,
  },
  {
    change: { patients: 6_000_000, importSeconds: 86_460 },
    load: 'first',
    says: /import would take 1441 minutes, and the run ends after 1440/,
  },
  { change: { everyDays: 21 }, load: 'regular', says: /too old after 21 days \(maxAgeDays\): with 21 days/ },
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
    expect(printed).toMatch(/^10,000 people in parts of 100,000, 5\.4 % opted out, 0\.05 % change, cohort by csv\n/);
    expect(printed).toMatch(/\| Consents by batches, import +\| +10,000, 0 \| +5, 0 \|/);
    expect(printed).toContain('Unsure: ');
  });

  it('gives the same to machines, with its prices and their sources', () => {
    const given = JSON.parse(estimateCommand(['--patients', '10000', '--json'])) as {
      first: object;
      prices: Record<string, { source: string }>;
    };
    expect(given.first).toEqual(
      JSON.parse(
        JSON.stringify(
          estimate({ ...scenario, patients: 10_000, changeRate: 0.0005, partRows: settings.partRows }, 'first'),
        ),
      ),
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
    { args: ['--patients', '9', '--import-minutes', 'soon'], says: '--import-minutes soon: must be a whole number' },
    { args: ['--patients', '9', '--env', 'prod'], says: "Unknown option '--env'" },
  ])('refuses $args: $says', ({ args, says }) => {
    expect(() => estimateCommand(args)).toThrow(says);
  });
});
