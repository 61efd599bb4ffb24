import { describe, expect, it, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { answeredPeople } from '../../../functions/reconcile-part/answered-people.ts';
import { consentIdOf, parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { consentOf, type Consent, type ConsentOptions } from '../../../shared/fhir/consent.ts';
import { provenanceOf } from '../../../shared/fhir/provenance.ts';
import { runMarkerOf } from '../../../shared/fhir/run-marker.ts';
import type { Part } from '../../../shared/ledger/parts.ts';
import { wholeNumberLine } from '../../../shared/ndop/number-range.ts';
import { PartReconciliation } from '../../../shared/ndop/part-reconciliation.ts';
import { bodyOf } from '../../support/bodies.ts';

// The files were written by hand from the published model, and reviewed. Nothing here writes them.
const folder = new URL('golden/', import.meta.url);
const golden = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
const asJson = (resource: object): unknown => JSON.parse(JSON.stringify(resource));

const namespace = 'https://fhir.example.nhs.uk/ndop';
const idKey = parseIdKey('00112233445566778899aabbccddeeff'.repeat(2));
const months = {
  march: { runId: '20260302T020000Z-1a2b', asAt: '2026-03-02T02:38:55Z' },
  june: { runId: '20260601T020000Z-3c4d', asAt: '2026-06-01T02:40:12Z' },
  september: { runId: '20260901T020000Z-7f3a', asAt: '2026-09-01T02:41:07Z' },
  october: { runId: '20261001T020000Z-9e0f', asAt: '2026-10-01T02:39:30Z' },
};

const [person, other] = ['9000000009', '4505577104'];
const [patient, otherPatient] = ['0b6d1f1e-5c1e-4a55-9d5f-2f7f0a8f1c11', '7d3c9a02-1f64-4e0b-8a51-c2f0e6b7d944'];

/** One run: its cohort as the lines of a part file, and who came back, which is whoever has NOT opted out. */
interface Month {
  readonly in: keyof typeof months;
  readonly cohort: readonly string[];
  readonly returned: readonly string[];
  /** The Consent has got another form since the run before. */
  readonly isModelNew?: boolean;
}

const asked = [`${person},${patient}`];
const nobodyReturned: readonly string[] = [];

const cases: readonly {
  readonly file: string;
  readonly says: string;
  readonly months: readonly Month[];
  readonly of?: string;
  readonly patientReference?: ConsentOptions['patientReference'];
  /** What each run had to write. */
  readonly writes: readonly string[];
}[] = [
  {
    file: 'opted-out',
    says: 'somebody who has opted out',
    months: [{ in: 'september', cohort: asked, returned: nobodyReturned }],
    writes: ['create'],
  },
  {
    file: 'never-opted-out',
    says: 'somebody who has not, and was never seen to have',
    months: [{ in: 'september', cohort: asked, returned: [person] }],
    writes: ['create'],
  },
  {
    file: 'opt-out-ended',
    says: 'somebody whose opt-out has ended',
    months: [
      { in: 'march', cohort: asked, returned: nobodyReturned },
      { in: 'september', cohort: asked, returned: [person] },
    ],
    writes: ['create', 'deactivate'],
  },
  {
    file: 'opted-out-logical',
    says: 'somebody who has opted out, in a store without Patients',
    months: [{ in: 'september', cohort: asked, returned: nobodyReturned }],
    patientReference: 'logical',
    writes: ['create'],
  },
  {
    file: 'opted-out-again',
    says: 'somebody who has opted out again, since then and not since the first time',
    months: [
      { in: 'march', cohort: asked, returned: nobodyReturned },
      { in: 'june', cohort: asked, returned: [person] },
      { in: 'september', cohort: asked, returned: nobodyReturned },
    ],
    writes: ['create', 'deactivate', 'activate'],
  },
  {
    file: 'ended-again',
    says: 'somebody whose second opt-out has ended',
    months: [
      { in: 'march', cohort: asked, returned: nobodyReturned },
      { in: 'june', cohort: asked, returned: [person] },
      { in: 'september', cohort: asked, returned: nobodyReturned },
      { in: 'october', cohort: asked, returned: [person] },
    ],
    writes: ['create', 'deactivate', 'activate', 'deactivate'],
  },
  {
    file: 'leaver',
    says: 'somebody who opted out and is no longer in the cohort: as it was',
    months: [
      { in: 'march', cohort: asked, returned: nobodyReturned },
      { in: 'september', cohort: [`${other},${otherPatient}`], returned: [other] },
    ],
    writes: ['create', 'create'],
  },
  {
    file: 'deceased',
    says: 'somebody who opted out, has died since and is still asked about: as it was',
    months: [
      { in: 'march', cohort: asked, returned: nobodyReturned },
      { in: 'september', cohort: asked, returned: nobodyReturned },
    ],
    writes: ['create'],
  },
  ...(
    [
      { file: 'merged-survivor', of: person, says: 'the surviving number of somebody whose old number has opted out' },
      { file: 'merged-superseded', of: other, says: 'that old number' },
    ] as const
  ).map((merged) => ({
    ...merged,
    months: [
      {
        in: 'september',
        cohort: [`${other},${otherPatient}`, `${other}>${person}`, ...asked, `${person}>${other}`],
        returned: [person],
      } as const,
    ],
    writes: ['create', 'create'],
  })),
  {
    file: 'model-changed',
    says: 'somebody who opted out before the Consent got its present form: same dates',
    months: [
      { in: 'march', cohort: asked, returned: nobodyReturned },
      { in: 'september', cohort: asked, returned: nobodyReturned, isModelNew: true },
    ],
    writes: ['create', 'update'],
  },
  {
    file: 'patient-changed',
    says: 'somebody who opted out and has another Patient now: same dates',
    months: [
      { in: 'march', cohort: asked, returned: nobodyReturned },
      { in: 'september', cohort: [`${person},${otherPatient}`], returned: nobodyReturned },
    ],
    writes: ['create', 'update'],
  },
];

describe('the Consent', () => {
  test.each(cases)('of $says: $file.json', async ({ file, months: lived, of = person, patientReference, writes }) => {
    const { store, kinds } = await live(lived, patientReference);
    expect(asJson(store.get(consentIdOf(Number(of), idKey))!)).toEqual(golden(file));
    expect(kinds).toEqual(writes);
  });

  it('of somebody who has not opted out and is no longer in the cohort is gone: nothing vouches for it', async () => {
    const { store, kinds } = await live([
      { in: 'march', cohort: asked, returned: [person] },
      { in: 'june', cohort: [`${other},${otherPatient}`], returned: [other] },
    ]);
    expect([...store.keys()]).toEqual([consentIdOf(Number(other), idKey)]);
    expect(kinds.sort()).toEqual(['create', 'create', 'retire']);
  });
});

describe('the Provenance', () => {
  const optedOut = consentIdOf(Number(person), idKey);
  const alsoOptedOut = consentIdOf(Number(other), idKey);

  it('of a chunk of changed Consents: provenance-update.json', () => {
    const made = provenanceOf(
      {
        chunk: '0001',
        consentIds: [optedOut, alsoOptedOut],
        activity: 'UPDATE',
        asAt: months.september.asAt,
        recorded: '2026-09-01T02:44:30Z',
        messageIds: ['20260901024107123456_ABCDEF'],
      },
      { namespace, runId: months.september.runId, odsCode: 'RZZ99' },
    );
    expect(asJson(made)).toEqual(golden('provenance-update'));
  });

  it('of a chunk of deleted ones, whose part was answered in two messages: provenance-delete.json', () => {
    const made = provenanceOf(
      {
        chunk: 'part-0001/others-0001/7',
        consentIds: [optedOut],
        activity: 'DELETE',
        asAt: months.october.asAt,
        recorded: '2026-10-01T02:42:10Z',
        messageIds: ['20261001023930123456_A1B2C3', '20261001023931123456_D4E5F6'],
      },
      { namespace, runId: months.october.runId, odsCode: 'RZZ99' },
    );
    expect(asJson(made)).toEqual(golden('provenance-delete'));
  });
});

it('The marker of a completed run: run-marker.json', () => {
  const made = runMarkerOf(
    {
      runId: months.september.runId,
      outcome: 'Completed',
      recorded: '2026-09-01T02:50:00Z',
      asAt: '2026-09-01T02:05:00Z',
      maxAgeDays: 21,
      submitted: 120,
      optedOut: 6,
      notOptedOut: 114,
      consentWrites: 9,
    },
    { namespace },
  );
  expect(asJson(made)).toEqual(golden('run-marker'));
});

it('Every golden file is compared with something', () => {
  const compared = [...cases.map(({ file }) => file), 'provenance-update', 'provenance-delete', 'run-marker'];
  expect(readdirSync(folder).sort()).toEqual(compared.map((name) => `${name}.json`).sort());
});

/** Goes through the months by the rules of the pipeline; gives the Consents that stand at the end, and what was written. */
async function live(lived: readonly Month[], patientReference: ConsentOptions['patientReference'] = 'literal') {
  const store = new Map<string, Consent>();
  const kinds: string[] = [];
  let snapshot = Buffer.from('');
  for (const month of lived) {
    const { runId, asAt } = months[month.in];
    const { cohort, answered } = await answeredPeople(runId, ...partOf(month));
    const reconciliation = new PartReconciliation(cohort, answered, {
      asAt,
      isModelCurrent: month.isModelNew !== true,
      retentionDays: 30,
    });
    reconciliation.compare(snapshot, wholeNumberLine);
    reconciliation.judgeRest(Infinity);
    const { lines, changes } = reconciliation.take();
    snapshot = Buffer.concat(lines);
    for (const { kind, optOut, patientId } of changes) {
      kinds.push(kind);
      const consent = consentOf(optOut, patientId, { idKey, namespace, runId, patientReference });
      if (kind === 'retire') store.delete(consent.id);
      else store.set(consent.id, consent);
    }
  }
  return { store, kinds };
}

/** A part that was asked about whole, with its files. */
function partOf({ in: name, cohort, returned }: Month): [Part, Parameters<typeof answeredPeople>[2]] {
  const bodies = {
    cohort: cohort.map((line) => `${line}\n`).join(''),
    reply: returned.map((nhsNumber) => `${nhsNumber},\r\n`).join(''),
  };
  const file = (key: keyof typeof bodies) => ({ key, sha256: '', bytes: bodies[key].length });
  const part = {
    part: 1,
    state: 'answered',
    rows: new Set(cohort.map((line) => line.slice(0, 10))).size,
    attempt: 1,
    cohort: file('cohort'),
    reply: { messageId: 'M1', body: file('reply'), asAt: months[name].asAt },
  } as Part;
  const openVerified = ({ key }: { key: string }) => Promise.resolve(bodyOf(bodies[key as keyof typeof bodies]));
  return [part, { files: { openVerified } } as unknown as Parameters<typeof answeredPeople>[2]];
}
