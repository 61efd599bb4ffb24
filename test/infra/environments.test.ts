import { expect, it, test } from '@jest/globals';
import { defineEnvironment, meshHosts, ndopMailboxes, type Environment } from '../../infra/environments/environment.ts';
import { dev } from '../../infra/environments/dev.ts';
import { integration } from '../../infra/environments/int.ts';
import { local } from '../../infra/environments/local.ts';
import { prod } from '../../infra/environments/prod.ts';

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

it('lets local and tests use synthetic numbers only outside production', () => {
  expect(prod.cohort.nhsNumberRanges).toEqual(['england-wales-isle-of-man']);
  expect(integration.cohort.nhsNumberRanges).toEqual(['test']);
});
