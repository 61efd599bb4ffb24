import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { startHealthLake } from '../../local/healthlake/healthlake.ts';
import { syntheticNhsNumbers } from '../../local/people/synthetic.ts';
import type { ScenarioName } from '../../local/scenarios.ts';
import { consentsIn, type StoredConsent } from '../support/local-command.ts';
import { Months } from '../support/months.ts';
import { credentials, postForm } from '../local/healthlake/signed-fetch.ts';

const nhsNumberSystem = 'https://fhir.nhs.uk/Id/nhs-number';
const datastoreId = 'fedcba9876543210fedcba9876543210';

let months: Months;
beforeAll(async () => {
  months = await Months.begin('separate-store');
});
afterAll(() => months.end());

function openStore(state: string, file: string) {
  return startHealthLake({ file: join(state, file), datastoreId, credentials });
}

/** How many Patients and Consents a stand-in data store has kept. */
async function heldBy(state: string, file: string) {
  const store = await openStore(state, file);
  const held = { patients: [...store.resources('Patient')].length, consents: [...store.resources('Consent')].length };
  await store.close();
  return held;
}

async function expectEachInItsStore(state: string) {
  expect(await heldBy(state, 'healthlake.sqlite')).toEqual({ patients: months.people, consents: 0 });
  expect(await heldBy(state, 'healthlake-consents.sqlite')).toEqual({ patients: 0, consents: months.people });
}

/** Everybody once, by NHS number, and nobody by the id of a Patient. */
function expectNumbersAlone(consents: readonly StoredConsent[]) {
  const patients = consents.map(({ patient }) => patient);
  expect(patients.filter(({ reference }) => reference !== undefined)).toEqual([]);
  const identifiers = patients.map(({ identifier }) => identifier as { system: string; value: string });
  expect(new Set(identifiers.map(({ system }) => system))).toEqual(new Set([nhsNumberSystem]));
  expect(identifiers.map(({ value }) => value).sort()).toEqual([...syntheticNhsNumbers(months.people, 1)].sort());
}

it('keeps Patients and Consents apart, and names people by NHS number alone', async () => {
  await expectEachInItsStore(months.firstState);
  expectNumbersAlone(await consentsIn(months.firstOut));
});

it('is started by the alias of the live version, as a schedule does', async () => {
  const { events } = JSON.parse(await readFile(join(months.firstOut, 'history.json'), 'utf8')) as {
    events: { executionStartedEventDetails?: { stateMachineAliasArn?: string } }[];
  };
  expect(events[0]?.executionStartedEventDetails?.stateMachineAliasArn).toMatch(
    /:stateMachine:RefreshConsents\w+:live$/,
  );
});

test.each<{ scenario: ScenarioName; executions: unknown[] }>([
  { scenario: 'separate-store', executions: ['Completed'] },
  { scenario: 'separate-store-rebuilt', executions: ['SnapshotRebuilt', 'Completed'] },
  {
    scenario: 'separate-store-refused',
    executions: ['PatientExportFailed', expect.not.stringMatching(/^Completed$/), 'Completed'],
  },
])('$scenario ends with exactly the four people changed', async ({ scenario, executions }) => {
  const { code, summary, state, out } = await months.second(scenario);
  expect(summary).toMatchObject({
    status: 'SUCCEEDED',
    outcome: 'Completed',
    executions,
    changes: { activated: 2, deactivated: 2, created: 0, updated: 0, retired: 0 },
  });
  expect(code).toBe(0);
  await expectEachInItsStore(state);
  const consents = await consentsIn(out);
  expectNumbersAlone(consents);
  expect(consents.filter(({ meta }) => meta.versionId !== '1').length).toBe(4);
});

it('lets a reader find a person by NHS number, who has no patient id to ask by', async () => {
  const store = await openStore(months.firstState, 'healthlake-consents.sqlite');
  const [nhsNumber = ''] = syntheticNhsNumbers(months.people, 1);
  const { body } = await postForm(`${store.baseUrl}Consent/_search`, {
    'patient:identifier': `${nhsNumberSystem}|${nhsNumber}`,
  });
  await store.close();
  expect(body.entry.map(({ resource }) => resource)).toEqual([
    expect.objectContaining({
      patient: { type: 'Patient', identifier: { system: nhsNumberSystem, value: nhsNumber } },
    }),
  ]);
});
