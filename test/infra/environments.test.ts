import { expect, it, test } from '@jest/globals';
import { defineEnvironment, meshHosts, ndopMailboxes, type Environment } from '../../infra/environments/environment.ts';
import { dev } from '../../infra/environments/dev.ts';
import { integration } from '../../infra/environments/int.ts';
import { local } from '../../infra/environments/local.ts';
import { prod } from '../../infra/environments/prod.ts';

const otherStore = 'https://healthlake.eu-west-2.amazonaws.com/datastore/11111111111111111111111111111111/r4/';
const separate = (fhir: Partial<Environment['fhir']>): Environment => ({
  ...dev,
  fhir: { ...dev.fhir, consentBaseUrl: otherStore, patientReference: 'logical', ...fhir },
});

test.each([local, dev, integration, prod])('accepts the environment $name', (environment) => {
  expect(defineEnvironment(environment)).toBe(environment);
});

test.each<{ wrong: string; environment: Environment; says: string }>([
  {
    wrong: 'prod at the integration mailbox',
    environment: { ...prod, mesh: { ...prod.mesh, ndopMailbox: ndopMailboxes.integration } },
    says: 'mesh.ndopMailbox',
  },
  {
    wrong: 'integration at the live mailbox',
    environment: { ...integration, mesh: { ...integration.mesh, ndopMailbox: ndopMailboxes.live } },
    says: 'mesh.ndopMailbox',
  },
  {
    wrong: 'dev at the live host',
    environment: { ...dev, mesh: { ...dev.mesh, baseUrl: meshHosts.live } },
    says: 'mesh.baseUrl',
  },
  {
    wrong: 'test numbers in prod',
    environment: { ...prod, cohort: { ...prod.cohort, nhsNumberRanges: ['test'] } },
    says: 'cohort.nhsNumberRanges',
  },
  {
    wrong: 'an example namespace in dev',
    environment: { ...dev, fhir: { ...dev.fhir, namespace: local.fhir.namespace } },
    says: 'fhir.namespace',
  },
  {
    wrong: 'a FHIR store that names no data store',
    environment: { ...dev, fhir: { ...dev.fhir, baseUrl: 'https://healthlake.eu-west-2.amazonaws.com/r4/' } },
    says: 'fhir.baseUrl: must end in /datastore/<id>/r4/',
  },
  {
    wrong: 'a store of Consents that names no data store',
    environment: separate({ consentBaseUrl: 'https://healthlake.eu-west-2.amazonaws.com/consents/' }),
    says: 'fhir.consentBaseUrl: must end in /datastore/<id>/r4/',
  },
  {
    wrong: 'a store of Consents whose URL does not end in a slash',
    environment: separate({ consentBaseUrl: otherStore.slice(0, -1) }),
    says: 'fhir.consentBaseUrl',
  },
  {
    wrong: 'a store of Consents in another region',
    environment: separate({ consentBaseUrl: otherStore.replace('eu-west-2', 'eu-west-1') }),
    says: 'fhir.consentBaseUrl: must be at the host of fhir.baseUrl',
  },
  {
    wrong: 'a store of Consents that is that of the Patients',
    environment: separate({ consentBaseUrl: dev.fhir.baseUrl }),
    says: 'fhir.consentBaseUrl: is the store of the Patients',
  },
  {
    wrong: 'literal references out of a store of Consents alone',
    environment: separate({ patientReference: 'literal' }),
    says: 'fhir.patientReference: must be logical',
  },
  {
    wrong: 'a mailbox in small letters',
    environment: { ...dev, mesh: { ...dev.mesh, mailbox: 'rzz99ot001' } },
    says: 'mesh.mailbox: must be a MESH mailbox id in capitals',
  },
  {
    wrong: 'a part of more than half a million people',
    environment: { ...dev, cohort: { ...dev.cohort, partRows: 500_001 } },
    says: 'cohort.partRows',
  },
  {
    wrong: 'Consents kept too long after leaving',
    environment: { ...dev, fhir: { ...dev.fhir, retentionDays: 31 } },
    says: 'fhir.retentionDays',
  },
])('refuses $wrong, naming file and field', ({ environment, says }) => {
  expect(() => defineEnvironment(environment)).toThrow(`infra/environments/${environment.name}.ts`);
  expect(() => defineEnvironment(environment)).toThrow(says);
});

test.each<{ what: string; environment: Environment }>([
  { what: 'a store of Consents alone that refers by NHS number', environment: separate({}) },
  {
    what: 'references by NHS number in the store of the Patients',
    environment: { ...dev, fhir: { ...dev.fhir, patientReference: 'logical' } },
  },
])('accepts $what', ({ environment }) => {
  expect(defineEnvironment(environment)).toBe(environment);
});

it('keeps the Consents beside the Patients unless an environment says otherwise', () => {
  for (const { fhir } of [local, dev, integration, prod]) {
    expect([fhir.consentBaseUrl, fhir.patientReference]).toEqual([undefined, 'literal']);
  }
});

it('lets local and tests use synthetic numbers only outside production', () => {
  expect(prod.cohort.nhsNumberRanges).toEqual(['england-wales-isle-of-man']);
  expect(integration.cohort.nhsNumberRanges).toEqual(['test']);
});
