import { join } from 'node:path';
import { beforeAll, expect, it, test } from '@jest/globals';
import { readDeployment, type Deployment } from '../../local/assembly/deployment.ts';
import { synthesize } from '../../local/assembly/synthesize.ts';
import type { Statement } from '../../local/iam/policy.ts';
import { labelOf } from '../../local/least-privilege/table.ts';

let deployment: Deployment;
let granted: { readonly label: string; readonly statement: Statement }[];

beforeAll(async () => {
  deployment = await readDeployment((await synthesize(join(import.meta.dirname, '../..'))).directory);
  granted = deployment.roles.flatMap((role) =>
    role.statements.map((statement) => ({ label: labelOf(deployment, role), statement })),
  );
}, 300_000);

const isOfHealthLake = (label: string) => label.startsWith('HealthLake');

it('gives every function a role of its own', () => {
  const roles = deployment.functions.map(({ roleArn }) => roleArn);
  expect(roles.length).toBeGreaterThan(20);
  expect(new Set(roles).size).toBe(roles.length);
});

it('names single actions, whatever step they are granted to', () => {
  const actions = granted.filter(({ label }) => !isOfHealthLake(label)).flatMap(({ statement }) => statement.actions);
  expect(actions.filter((action) => action.includes('*'))).toEqual([]);
});

it('names single resources, except for traces, which X-Ray keeps under no name', () => {
  const everywhere = granted.filter(({ statement }) => statement.resources.includes('*'));
  expect(new Set(everywhere.flatMap(({ statement }) => statement.actions))).toEqual(
    new Set(['xray:PutTelemetryRecords', 'xray:PutTraceSegments']),
  );
});

it('lets a step use the key through a single service each time', () => {
  const onKey = granted.filter(
    ({ label, statement }) => !isOfHealthLake(label) && statement.resources.includes(deployment.keyArn),
  );
  expect(onKey.length).toBeGreaterThan(20);
  for (const { statement } of onKey) {
    expect(statement.conditions).toEqual([
      {
        operator: 'StringEquals',
        key: 'kms:viaservice',
        values: [expect.stringMatching(/^(dynamodb|s3|secretsmanager|sns)\.eu-west-2\.amazonaws\.com$/)],
      },
    ]);
  }
});

test.each([
  ['nobody', /^s3:(DeleteObject|PutObjectTagging|PutObjectAcl|GetObjectVersion)/, []],
  ['nobody', /^dynamodb:(Scan|Batch|DeleteTable|CreateTable|UpdateTable)/, []],
  ['nobody', /^(logs:CreateLogGroup|states:|lambda:|sts:)/, []],
  ['the two that start a job', /^iam:PassRole$/, ['export-patients', 'start-import']],
  ['the two that write and expire Consents', /^healthlake:DeleteResource$/, ['expire-consents', 'write-consents']],
  ['the one that writes Consents and the API', /^healthlake:UpdateResource$/, ['noom', 'write-consents']],
  ['the API', /^healthlake:(VersionRead|GetHistory)/, ['noom']],
])('grants %s %s', (_, actions, labels) => {
  const holders = granted.filter(({ statement }) => statement.actions.some((action) => actions.test(action)));
  expect([...new Set(holders.map(({ label }) => label))].sort()).toEqual(labels);
});

test.each([
  ['cohorts/', ['build-cohort']],
  ['exports/', ['HealthLake, exporting', 'read-patients']],
  ['inbox/', ['check-inbox', 'drain-mailbox', 'reconcile-part', 'send-request']],
  ['imports/', ['HealthLake, importing', 'check-import', 'write-import-files']],
])('lets only those at files below %s that have to do with them', (prefix, labels) => {
  const holders = granted.filter(({ statement }) => statement.resources.some((each) => each.includes(`/${prefix}`)));
  expect([...new Set(holders.map(({ label }) => label))].sort()).toEqual([...labels].sort());
});
