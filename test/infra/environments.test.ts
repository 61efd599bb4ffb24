import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, test } from '@jest/globals';
import { defineEnvironment, meshHosts, ndopMailboxes, type Environment } from '../../infra/environments/environment.ts';
import { dev } from '../support/environments/dev.ts';
import { integration } from '../support/environments/int.ts';
import { local } from '../../infra/environments/local.ts';
import { prod } from '../support/environments/prod.ts';
import { readEnvironments } from '../../infra/read-environments.ts';

const otherStore = 'https://healthlake.eu-west-2.amazonaws.com/datastore/11111111111111111111111111111111/r4/';
const separate = (fhir: Partial<Environment['fhir']>): Environment => ({
  ...dev,
  fhir: { ...dev.fhir, consentBaseUrl: otherStore, patientReference: 'logical', ...fhir },
});

test.each([local, dev, integration, prod])('accepts the environment $name', (environment) => {
  expect(defineEnvironment(environment)).toBe(environment);
});

/** With an account of somebody's, and nothing left of the placeholders. */
const ours: Environment = {
  ...dev,
  account: '123456789012',
  mesh: { ...dev.mesh, mailbox: 'A1B2COT001' },
  fhir: { ...dev.fhir, baseUrl: otherStore, namespace: 'https://fhir.trust.nhs.uk/ndop', odsCode: 'A1B2C' },
  alarmEmail: 'ndop@trust.nhs.uk',
};

const issued = { kind: 'jwt' as const, issuer: 'https://login.trust.nhs.uk', audience: ['noom'] };
const tokens = (auth: Partial<typeof issued>): Environment => ({
  ...dev,
  noom: { ...dev.noom, enabled: true, auth: { ...issued, ...auth } },
});

const tooLong = [
  { kind: 'cohorts', days: 31 },
  { kind: 'exports', days: 8 },
  { kind: 'imports', days: 8 },
  { kind: 'runs', days: 91 },
  { kind: 'inbox', days: 91 },
  { kind: 'snapshots', days: 401 },
  { kind: 'accessLogs', days: 401 },
  { kind: 'logs', days: 731 },
];

function withoutAlarmEmail(environment: Environment): Environment {
  const others = { ...environment };
  delete others.alarmEmail;
  return others;
}

function withoutStore({ fhir }: Environment): Environment['fhir'] {
  const others = { ...fhir };
  delete others.baseUrl;
  return others;
}

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
    says: 'fhir.namespace: still the example',
  },
  {
    wrong: 'an example alarm address',
    environment: { ...prod, alarmEmail: 'alarms@example.nhs.uk' },
    says: 'alarmEmail: still the example',
  },
  {
    wrong: 'nobody to be told',
    environment: withoutAlarmEmail(prod),
    says: 'alarmEmail: must be given',
  },
  {
    wrong: 'something that is no address',
    environment: { ...prod, alarmEmail: 'the operators' },
    says: 'alarmEmail',
  },
  {
    wrong: 'integration at the live host',
    environment: { ...integration, mesh: { ...integration.mesh, baseUrl: meshHosts.live } },
    says: 'mesh.baseUrl: the live host is for prod alone',
  },
  {
    wrong: 'prod at the integration host',
    environment: { ...prod, mesh: { ...prod.mesh, baseUrl: meshHosts.integration } },
    says: 'mesh.baseUrl: prod uses',
  },
  {
    wrong: 'prod in a mailbox of tests',
    environment: { ...prod, mesh: { ...prod.mesh, mailbox: 'RZZ99OT001' } },
    says: 'mesh.mailbox: RZZ99OT001 is for tests alone',
  },
  {
    wrong: 'dev in a live mailbox',
    environment: { ...dev, mesh: { ...dev.mesh, mailbox: 'RZZ99HC001' } },
    says: 'mesh.mailbox: RZZ99HC001 is for prod alone',
  },
  {
    wrong: 'the laptop at the live service',
    environment: { ...local, mesh: { ...local.mesh, ndopMailbox: ndopMailboxes.live } },
    says: 'mesh.ndopMailbox: X26HC065 is for prod alone',
  },
  {
    wrong: 'live numbers in integration',
    environment: { ...integration, cohort: { ...integration.cohort, nhsNumberRanges: ['england-wales-isle-of-man'] } },
    says: 'cohort.nhsNumberRanges: live numbers must not reach a test service',
  },
  {
    wrong: 'MESH without TLS',
    environment: { ...dev, mesh: { ...dev.mesh, baseUrl: 'http://msg.intspineservices.nhs.uk' } },
    says: 'mesh.baseUrl: must begin with https:',
  },
  {
    wrong: "the local runtime's account in dev",
    environment: { ...dev, account: local.account },
    says: 'account: is the one of the local runtime',
  },
  {
    wrong: 'a run between 01:00 and 02:00, when the clocks change',
    environment: { ...prod, schedule: { ...prod.schedule, hour: 1 } },
    says: 'schedule.hour',
  },
  {
    wrong: 'a drain between 01:00 and 02:00, when the clocks change',
    environment: { ...prod, drain: { ...prod.drain, hour: 1 } },
    says: 'drain.hour',
  },
  ...tooLong.map(({ kind, days }) => ({
    wrong: `${kind} kept for ${String(days)} days`,
    environment: { ...prod, keptDays: { ...prod.keptDays, [kind]: days } },
    says: `keptDays.${kind}`,
  })),
  {
    wrong: 'a store in another region',
    environment: { ...dev, fhir: { ...dev.fhir, baseUrl: otherStore.replace('eu-west-2', 'eu-west-1') } },
    says: 'fhir.baseUrl: is in eu-west-1: the store must be in eu-west-2',
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
    environment: separate({ consentBaseUrl: dev.fhir.baseUrl! }),
    says: 'fhir.consentBaseUrl: is the store of the Patients',
  },
  {
    wrong: 'literal references out of a store of Consents alone',
    environment: separate({ patientReference: 'literal' }),
    says: 'fhir.patientReference: must be logical',
  },
  {
    wrong: 'a FHIR store that both exists and is made',
    environment: { ...dev, fhir: { ...dev.fhir, createStore: { name: 'ndop-dev' } } },
    says: 'fhir: must have either baseUrl, of a store that exists, or createStore, never both',
  },
  {
    wrong: 'no FHIR store at all',
    environment: { ...dev, fhir: withoutStore(dev) },
    says: 'fhir: must have either baseUrl, of a store that exists, or createStore, never both',
  },
  {
    wrong: 'a FHIR store that is made on a laptop',
    environment: { ...local, fhir: { ...withoutStore(local), createStore: { name: 'ndop-local' } } },
    says: 'fhir.createStore: the local runtime has a store already',
  },
  {
    wrong: 'a store of Consents in another region than the one that is made',
    environment: {
      ...dev,
      fhir: {
        ...withoutStore(separate({ consentBaseUrl: otherStore.replace('eu-west-2', 'eu-west-1') })),
        createStore: { name: 'ndop-dev' },
      },
    },
    says: 'fhir.consentBaseUrl: must be at the host of fhir.baseUrl',
  },
  {
    wrong: 'the namespace of nobody once there is an account',
    environment: { ...ours, fhir: { ...ours.fhir, namespace: dev.fhir.namespace } },
    says: 'fhir.namespace: still the placeholder',
  },
  {
    wrong: 'the alarm mail of nobody once there is an account',
    environment: { ...ours, alarmEmail: dev.alarmEmail! },
    says: 'alarmEmail: still the placeholder',
  },
  {
    wrong: 'a store that is not one once there is an account',
    environment: { ...ours, fhir: { ...ours.fhir, baseUrl: dev.fhir.baseUrl! } },
    says: 'fhir.baseUrl: still the placeholder',
  },
  {
    wrong: 'the ODS code of nobody once there is an account',
    environment: { ...ours, fhir: { ...ours.fhir, odsCode: 'RZZ99' } },
    says: 'fhir.odsCode: still the placeholder',
  },
  {
    wrong: 'the mailbox of nobody once there is an account',
    environment: { ...ours, mesh: { ...ours.mesh, mailbox: 'RZZ99OT001' } },
    says: 'mesh.mailbox: still the placeholder',
  },
  {
    wrong: 'a schedule without the daily drain',
    environment: { ...dev, schedule: { ...dev.schedule, enabled: true } },
    says: 'schedule.enabled: needs drain.enabled',
  },
  {
    wrong: 'HSCN, which nothing outside a VPC reaches',
    environment: { ...dev, mesh: { ...dev.mesh, network: 'hscn' } },
    says: 'mesh.network: must be internet',
  },
  {
    wrong: 'a base URL of the API without TLS',
    environment: { ...dev, noom: { ...dev.noom, baseUrl: 'http://noom.trust.nhs.uk' } },
    says: 'noom.baseUrl: must begin with https://',
  },
  {
    wrong: 'a base URL of the API with a slash at its end',
    environment: { ...dev, noom: { ...dev.noom, baseUrl: 'https://noom.trust.nhs.uk/' } },
    says: 'noom.baseUrl: must be without a slash at its end',
  },
  {
    wrong: 'the example of a base URL',
    environment: { ...dev, noom: { ...dev.noom, baseUrl: 'https://noom.example.nhs.uk' } },
    says: 'noom.baseUrl: still the example',
  },
  {
    wrong: 'the base URL of nobody once there is an account',
    environment: { ...ours, noom: { ...ours.noom, baseUrl: 'https://noom.your-organisation.nhs.uk' } },
    says: 'noom.baseUrl: still the placeholder',
  },
  {
    wrong: "an API closed at API Gateway's address and without a name of its own",
    environment: { ...dev, noom: { ...dev.noom, isGatewayUrlClosed: true } },
    says: 'noom.isGatewayUrlClosed: needs noom.baseUrl',
  },
  {
    wrong: 'an issuer of tokens without TLS',
    environment: tokens({ issuer: 'http://login.trust.nhs.uk' }),
    says: 'noom.auth.issuer: must begin with https://',
  },
  {
    wrong: 'the example of an issuer',
    environment: tokens({ issuer: 'https://login.example.nhs.uk' }),
    says: 'noom.auth.issuer: still the example',
  },
  {
    wrong: 'the example of an audience',
    environment: tokens({ audience: ['example'] }),
    says: 'noom.auth.audience.0: still the example',
  },
  {
    wrong: 'the issuer of nobody once there is an account',
    environment: { ...tokens({ issuer: 'https://login.your-organisation.nhs.uk' }), account: ours.account },
    says: 'noom.auth.issuer: still the placeholder',
  },
  {
    wrong: 'tokens for no audience',
    environment: tokens({ audience: [] }),
    says: 'noom.auth.audience',
  },
  {
    wrong: 'tokens on a laptop',
    environment: { ...local, noom: { ...local.noom, auth: issued } },
    says: 'noom.auth.kind: must be iam',
  },
  {
    wrong: 'an API that lets no call through',
    environment: { ...dev, noom: { ...dev.noom, ratePerSecond: 0 } },
    says: 'noom.ratePerSecond',
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
    what: 'a FHIR store that is made',
    environment: { ...dev, fhir: { ...withoutStore(dev), createStore: { name: 'ndop-dev' } } },
  },
  {
    what: 'a FHIR store that is made, beside one for the Consents alone',
    environment: { ...dev, fhir: { ...withoutStore(separate({})), createStore: { name: 'ndop-dev' } } },
  },
  {
    what: 'references by NHS number in the store of the Patients',
    environment: { ...dev, fhir: { ...dev.fhir, patientReference: 'logical' } },
  },
  { what: 'an account of somebody with nothing left of the placeholders', environment: ours },
  {
    what: 'a schedule beside the daily drain',
    environment: { ...dev, schedule: { ...dev.schedule, enabled: true }, drain: { ...dev.drain, enabled: true } },
  },
  { what: 'an API for callers with tokens', environment: tokens({}) },
  {
    what: 'an API with a name of its own alone',
    environment: { ...dev, noom: { ...dev.noom, baseUrl: 'https://noom.trust.nhs.uk/stu3', isGatewayUrlClosed: true } },
  },
  { what: 'HSCN on a laptop', environment: { ...local, mesh: { ...local.mesh, network: 'hscn' } } },
])('accepts $what', ({ environment }) => {
  expect(defineEnvironment(environment)).toBe(environment);
});

it('keeps the Consents beside the Patients unless an environment says otherwise', () => {
  for (const { fhir } of [local, dev, integration, prod]) {
    expect([fhir.consentBaseUrl, fhir.patientReference]).toEqual([undefined, 'literal']);
  }
});

it('has the API on a laptop alone unless an environment says otherwise', () => {
  const enabled = [local, dev, integration, prod].filter(({ noom }) => noom.enabled);
  expect(enabled.map(({ name }) => name)).toEqual(['local']);
});

it('lets local and tests use synthetic numbers only outside production', () => {
  expect(prod.cohort.nhsNumberRanges).toEqual(['england-wales-isle-of-man']);
  expect(integration.cohort.nhsNumberRanges).toEqual(['test']);
});

describe('the folder of environments', () => {
  const folder = join(import.meta.dirname, '../../infra/environments');
  const run = promisify(execFile);

  /** An environment as a file of that folder. */
  async function asItCame(name: string): Promise<string> {
    const text = await readFile(join(import.meta.dirname, `../support/environments/${name}.ts`), 'utf8');
    return text.replaceAll('../../../infra/environments/', './');
  }

  /** What reading a copy of the folder says, with a file more in it; within the project, so that it finds the packages. */
  async function readWith(file: string, text: string): Promise<string> {
    const scratch = join(folder, '../../.local');
    await mkdir(scratch, { recursive: true });
    const copy = await mkdtemp(join(scratch, 'environments-'));
    try {
      for (const name of ['environment', 'defaults', 'local'])
        await cp(join(folder, `${name}.ts`), join(copy, `${name}.ts`));
      for (const name of ['dev', 'int', 'prod']) await writeFile(join(copy, `${name}.ts`), await asItCame(name));
      await writeFile(join(copy, file), text);
      const script = `
        import { readEnvironments } from '${join(folder, '../read-environments.ts')}';
        try { console.log((await readEnvironments('${copy}')).map(({ name }) => name).join()); }
        catch (error) { console.log(error.message); }`;
      return (await run(process.execPath, ['--no-warnings', '--input-type=module', '-e', script])).stdout.trim();
    } finally {
      await rm(copy, { recursive: true });
    }
  }

  it('is read whole', async () => {
    const files = (await readdir(folder)).filter((file) => !['environment.ts', 'defaults.ts'].includes(file));
    expect((await readEnvironments(folder)).map(({ name }) => `${name}.ts`)).toEqual(files.sort());
    expect(files).toContain('local.ts');
  });

  it('makes a new environment known by its file alone', async () => {
    const test2 = (await asItCame('dev')).replace("name: 'dev'", "name: 'test2'");
    expect(await readWith('test2.ts', test2.replace('RZZ99OT001', 'RZZ99OT003'))).toBe('dev,int,local,prod,test2');
    expect(await readWith('test2.ts', test2)).toBe(
      'infra/environments/test2.ts: mesh.mailbox: RZZ99OT001 is the one of dev',
    );
  });

  test.each([
    { wrong: 'no environment', text: 'export {};', says: 'infra/environments/test2.ts: must export one environment' },
    { wrong: 'no TypeScript', text: 'export const test2 = {', says: 'infra/environments/test2.ts: ' },
    {
      wrong: 'an environment of another name',
      text: "export { dev } from './dev.ts';",
      says: 'infra/environments/test2.ts: name: must be that of the file, and is dev',
    },
    {
      wrong: 'an environment without an account',
      text: "import { dev } from './dev.ts'; const { account, ...others } = dev; export const test2 = { ...others, name: 'test2' };",
      says: 'infra/environments/test2.ts: account: ',
    },
  ])('says what is wrong with a file that exports $wrong', async ({ text, says }) => {
    const said = await readWith('test2.ts', text);
    expect(said).toMatch(/^.*$/);
    expect(said).toContain(says);
  });
});
