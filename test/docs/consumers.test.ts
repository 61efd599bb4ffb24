import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { startHealthLake, type HealthLake } from '../../local/healthlake/healthlake.ts';
import { consentOf, type Consent } from '../../shared/fhir/consent.ts';
import { parseIdKey } from '../../shared/fhir/consent-id.ts';
import { runMarkerOf } from '../../shared/fhir/run-marker.ts';
import { nhsNumberBlocks } from '../../shared/ndop/nhs-number.ts';
import type { OptOutStatus } from '../../shared/ndop/snapshot.ts';
import { checkConsent } from '../../shared/noom/check-consent.ts';
import { toR4 } from '../../shared/noom/r4-consent.ts';
import { batch } from '../local/healthlake/resources.ts';
import { credentials, post } from '../local/healthlake/signed-fetch.ts';
import { syntheticNumbers } from '../support/nhs-numbers.ts';
import { ndopConsent } from '../support/preferences.ts';

const root = new URL('../../', import.meta.url).pathname;
const page = readFileSync(join(root, 'docs/consumers.md'), 'utf8');
const namespace = 'https://fhir.example.nhs.uk/ndop';
const [[accessKeyId, secretAccessKey] = ['', '']] = credentials;

/** The page's example in each language, and what runs it. */
const languages = [
  { language: 'TypeScript', fence: 'ts', command: process.execPath, flags: ['--no-warnings'], needs: [] },
  { language: 'Python', fence: 'python', command: 'python3', flags: [], needs: ['python3'] },
  { language: 'curl', fence: 'bash', command: 'bash', flags: [], needs: ['bash', 'curl', 'jq'] },
];
const isInstalled = (command: string) => spawnSync(command, ['--version']).status === 0;

const day = 86_400_000;
const markerOf = (asAt: number, recorded = asAt) =>
  runMarkerOf(
    {
      runId: '20260901T020000Z-7f3a',
      outcome: 'Completed',
      recorded: new Date(recorded).toISOString(),
      asAt: new Date(asAt).toISOString(),
      maxAgeDays: 21,
      submitted: 8,
      optedOut: 2,
      notOptedOut: 6,
      consentWrites: 8,
    },
    { namespace },
  );
const now = Date.now();
const fresh = markerOf(now - 20 * day, now - 2 * day);
const longAgo = markerOf(now - 60 * day);
const past = markerOf(now - 22 * day, now - day);
const unreadable = { ...markerOf(now), entity: [{ detail: [{ type: 'usableUntil', valueString: 'soon' }] }] };
const silent = { ...markerOf(now), entity: undefined };

const numbers = syntheticNumbers(140);
const idKey = parseIdKey('00112233445566778899aabbccddeeff'.repeat(2));
/** A Consent as the pipeline writes it, each about another number. */
function ours(status: OptOutStatus, patientId: string): Consent {
  const optOut = { nhsNumber: numbers.pop()!, status, since: '2026-09-01T02:41:07Z' };
  return consentOf(optOut, patientId, { idKey, namespace, runId: 'run-1', patientReference: 'literal' });
}
/** The same from somebody else. */
function foreign(status: OptOutStatus, patientId: string) {
  const { meta, ...consent } = ours(status, patientId);
  return { ...consent, meta: { ...meta, tag: [{ ...meta.tag[0], system: 'https://elsewhere.example/dataset' }] } };
}
/** What somebody has registered over the NOOM API about both uses. */
function registered(status: OptOutStatus, patientId: string) {
  const { consent } = checkConsent(ndopConsent(numbers.pop()!, status), { nhsNumberBlocks });
  const patient = patientId === '' ? undefined : `Patient/${patientId}`;
  const registration = { id: randomUUID(), namespace, requestId: 'request-1', patient };
  return toR4(consent, registration);
}
const byNumber = { active: ours('active', ''), inactive: ours('inactive', '') };
const numberOf = (consent: object) => {
  const { identifier } = (consent as Consent).patient;
  const { system, value } = identifier as { system: string; value: string };
  return `patient:identifier=${system}|${value}`;
};

/** Registered while the store had no Patient of this number. */
const beforeItsPatient = registered('active', '');
const cleared = ours('inactive', 'cleared');
const stored = [
  foreign('inactive', 'of-another'),
  ours('active', 'opted-out'),
  cleared,
  ours('inactive', 'of-both'),
  ours('active', 'of-both'),
  ours('inactive', 'cleared-and-of-another'),
  foreign('active', 'cleared-and-of-another'),
  ours('inactive', 'known-later'),
  beforeItsPatient,
  registered('active', 'registered-out'),
  registered('inactive', 'registered-in'),
  ours('inactive', 'cleared-and-registered-out'),
  registered('active', 'cleared-and-registered-out'),
  ours('inactive', 'cleared-and-registered-in'),
  registered('inactive', 'cleared-and-registered-in'),
  ours('active', 'out-and-registered-in'),
  registered('inactive', 'out-and-registered-in'),
  { ...ours('inactive', 'in-error'), status: 'entered-in-error' },
  ...Array.from({ length: 101 }, () => ours('inactive', 'crowded')),
  byNumber.active,
  byNumber.inactive,
];

const whileFresh = [
  { who: 'patient=Patient/unknown', found: 'none', meaning: 'not checked' },
  { who: 'patient=Patient/of-another', found: 'one of another system alone', meaning: 'not checked' },
  { who: 'patient=Patient/opted-out', found: 'an active one', meaning: 'opted out' },
  { who: 'patient=Patient/cleared', found: 'an inactive one', meaning: 'no opt-out' },
  { who: 'patient=Patient/of-both', found: 'an inactive and an active one', meaning: 'opted out' },
  {
    who: 'patient=Patient/cleared-and-of-another',
    found: "an inactive one, and another system's",
    meaning: 'no opt-out',
  },
  { who: 'patient=Patient/registered-out', found: 'a registered one that is active', meaning: 'opted out' },
  { who: 'patient=Patient/registered-in', found: 'a registered one that is inactive', meaning: 'not checked' },
  {
    who: 'patient=Patient/cleared-and-registered-out',
    found: 'an inactive one, and a registered one that is active',
    meaning: 'opted out',
  },
  {
    who: 'patient=Patient/cleared-and-registered-in',
    found: 'an inactive one, and a registered one that is inactive',
    meaning: 'no opt-out',
  },
  {
    who: 'patient=Patient/out-and-registered-in',
    found: 'an active one, and a registered one that is inactive',
    meaning: 'opted out',
  },
  {
    who: `patient=Patient/known-later\n${numberOf(beforeItsPatient)}\n`,
    found: 'an inactive one by Patient, and by number a registered one that is active',
    meaning: 'opted out',
  },
  {
    who: `patient=Patient/cleared\n${numberOf(byNumber.inactive)}`,
    found: 'an inactive one by Patient and one by number',
    meaning: 'no opt-out',
  },
  { who: `_id=${cleared.id}`, found: 'one about somebody else alone', meaning: 'not checked' },
  { who: 'patient=Patient/in-error', found: 'one of neither status', meaning: 'opted out' },
  { who: numberOf(byNumber.active), found: 'an active one, by NHS number', meaning: 'opted out' },
  { who: numberOf(byNumber.inactive), found: 'an inactive one, by NHS number', meaning: 'no opt-out' },
];
const stale = [
  { newest: 'none', markers: [] },
  { newest: 'past', markers: [fresh, past] },
  { newest: 'unreadable', markers: [fresh, unreadable] },
  { newest: 'silent', markers: [fresh, silent] },
];

it('The table of the page has the meanings that the examples give, and no others', () => {
  const table = page.slice(page.indexOf('| newest marker |'), page.indexOf('- **Only the last row'));
  const rows = [...table.matchAll(/^\|[^|]+\|[^|]+\| `([^`]+)`/gm)].map(([, meaning]) => meaning);
  expect(rows).toEqual(['stale', 'opted out', 'not checked', 'no opt-out']);
});

describe.each(languages)('The example in $language', ({ fence, command, flags, needs }) => {
  const missing = needs.filter((needed) => !isInstalled(needed));
  if (missing.length > 0) {
    test.skip(`is not run: ${missing.join(' and ')} are not installed here`, () => undefined);
    return;
  }
  let folder: string;
  let script: string;
  let store: HealthLake;
  const open: HealthLake[] = [];

  beforeAll(async () => {
    // Within the project, so that the example finds the packages.
    mkdirSync(join(root, '.local'), { recursive: true });
    folder = mkdtempSync(join(root, '.local', 'consumers-'));
    script = join(folder, `example.${fence}`);
    writeFileSync(script, exampleIn(fence));
    store = await storeWith([fresh, longAgo]);
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await Promise.all(open.map((one) => one.close()));
  });

  async function storeWith(markers: readonly object[]): Promise<HealthLake> {
    const healthLake = await startHealthLake({ datastoreId: 'e'.repeat(32), credentials });
    open.push(healthLake);
    await post(healthLake.baseUrl, batch(...stored.slice(0, 60).map((resource) => ({ resource }))));
    await post(healthLake.baseUrl, batch(...stored.slice(60).map((resource) => ({ resource }))));
    for (const marker of markers) await post(`${healthLake.baseUrl}AuditEvent`, marker);
    return healthLake;
  }

  /** What the example says, and whether it lets its caller go on. */
  async function ask({ baseUrl }: HealthLake, who: string, secret = secretAccessKey) {
    const child = spawn(command, [...flags, script], {
      env: {
        PATH: process.env.PATH,
        FHIR_BASE_URL: baseUrl,
        NDOP_NAMESPACE: namespace,
        AWS_REGION: 'eu-west-2',
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secret,
      },
    });
    child.stdin.end(who);
    const [said, complaint] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { said: said.trim(), complaint, mayGoOn: child.exitCode === 0 };
  }

  test.each(whileFresh)('with a marker that holds and $found: $meaning', async ({ who, meaning }) => {
    expect(await ask(store, who)).toEqual({ said: meaning, complaint: '', mayGoOn: meaning === 'no opt-out' });
  });

  test.each(stale)('with a newest marker that is $newest: stale, whatever the Consent says', async ({ markers }) => {
    const expected = { said: 'stale', complaint: '', mayGoOn: false };
    expect(await ask(await storeWith(markers), 'patient=Patient/cleared')).toEqual(expected);
  });

  test.each([
    { trouble: 'the store refuses the call', who: 'patient=Patient/cleared', secret: 'wrong' },
    { trouble: 'a person has more Consents than a page', who: 'patient=Patient/crowded', secret: secretAccessKey },
    { trouble: 'nobody is named', who: '', secret: secretAccessKey },
  ])('says nothing and lets nobody go on where $trouble', async ({ who, secret }) => {
    expect(await ask(store, who, secret)).toMatchObject({ said: '', mayGoOn: false });
  });
});

function exampleIn(fence: string): string {
  const [, code = ''] = new RegExp(`^\`\`\`${fence}\\n(.*?)^\`\`\`$`, 'ms').exec(page) ?? [];
  return code;
}
