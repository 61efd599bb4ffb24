import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect, it, test } from '@jest/globals';
import { grantsOf, type Asked, type Grant } from '../../local/iam/evaluate.ts';
import { parsePolicy, type Statement } from '../../local/iam/policy.ts';

const root = join(import.meta.dirname, '../..');
type Role = 'operator' | 'reviewer';

let policies: Record<Role, Statement[]>;

beforeAll(async () => {
  const read = async (role: Role) => {
    const text = await readFile(join(root, `infra/${role}-policy.json`), 'utf8');
    // Each of ours asks about one value alone, so that "all", "any" and "the" are the same.
    return parsePolicy(JSON.parse(text.replaceAll(/"For(?:AllValues|AnyValue):/g, '"')));
  };
  policies = { operator: await read('operator'), reviewer: await read('reviewer') };
});

const arn = (service: string, rest: string) => `arn:aws:${service}:eu-west-2:ACCOUNT:${rest}`;
const table = arn('dynamodb', 'table/ENV-data-Ledger0A1B-X');
const file = (key: string) => `arn:aws:s3:::ENV-data-files0a1b-x/${key}`;
const machine = (name: string) => arn('states', `stateMachine:ENV-${name}`);
const execution = (name: string) => arn('states', `execution:ENV-${name}:0a1b`);
const live = { 'states:StateMachineQualifier': 'live' };

interface Call {
  readonly by: readonly Role[];
  readonly asks: readonly Asked[];
}
const both = ['operator', 'reviewer'] as const;
const operator = ['operator'] as const;

/** What AWS asks IAM for each call of `npm run ops`, by the name that the code calls it under. */
const calls: Readonly<Record<string, Call>> = {
  DescribeStacksCommand: {
    by: both,
    asks: [{ action: 'cloudformation:DescribeStacks', resource: arn('cloudformation', 'stack/ENV-pipeline/0a1b') }],
  },
  GetCommand: { by: both, asks: [{ action: 'dynamodb:GetItem', resource: table }] },
  paginateQuery: { by: both, asks: [{ action: 'dynamodb:Query', resource: table }] },
  paginateScan: { by: both, asks: [{ action: 'dynamodb:Scan', resource: table }] },
  DeleteCommand: {
    by: operator,
    asks: [
      { action: 'dynamodb:DeleteItem', resource: table, context: { 'dynamodb:LeadingKeys': 'MAILBOX#RZZ99OT001' } },
    ],
  },
  GetObjectCommand: {
    by: operator,
    asks: [
      { action: 's3:GetObject', resource: file('runs/20260901T020000Z-7f3a/report/report-1.json') },
      { action: 's3:GetObject', resource: file('snapshots/20260901T020000Z-7f3a/part-0001.1.csv.gz') },
      { action: 's3:ListBucket', resource: 'arn:aws:s3:::ENV-data-files0a1b-x' },
    ],
  },
  StartExecutionCommand: {
    by: operator,
    asks: ['refresh-consents', 'drain-mailbox'].map((name) => ({
      ...{ action: 'states:StartExecution', resource: machine(name), context: live },
    })),
  },
  DescribeExecutionCommand: {
    by: operator,
    asks: ['refresh-consents', 'drain-mailbox'].map((name) => ({
      ...{ action: 'states:DescribeExecution', resource: execution(name) },
    })),
  },
  SendTaskSuccessCommand: {
    by: ['reviewer'],
    asks: [{ action: 'states:SendTaskSuccess', resource: machine('refresh-consents') }],
  },
  SendTaskFailureCommand: {
    by: ['reviewer'],
    asks: [{ action: 'states:SendTaskFailure', resource: machine('refresh-consents') }],
  },
  FhirStore: {
    by: operator,
    asks: ['GetCapabilities', 'SearchWithPost', 'ValidateResource'].map((action) => ({
      ...{ action: `healthlake:${action}`, resource: arn('healthlake', 'datastore/fhir/STORE') },
    })),
  },
};

/** In files that the command shares with the steps, and never called by it. */
const ofTheSteps = ['PutCommand', 'UpdateCommand', 'PutObjectCommand', 'paginateListObjectsV2'];

/** What the runbook has an operator do by hand. */
const byHand: readonly Asked[] = [
  ...['refresh-consents', 'drain-mailbox'].flatMap((name) => [
    { action: 'states:ListExecutions', resource: machine(name) },
    { action: 'states:GetExecutionHistory', resource: execution(name) },
    { action: 'states:StopExecution', resource: execution(name) },
  ]),
];

const keyUses: Readonly<Record<Role, readonly Asked[]>> = {
  operator: ['dynamodb', 's3', 'states', 'healthlake'].flatMap((service) =>
    ['Decrypt', 'GenerateDataKey', 'DescribeKey'].map((action) => keyUse(action, service)),
  ),
  reviewer: ['dynamodb', 'states'].flatMap((service) =>
    ['Decrypt', 'GenerateDataKey'].map((action) => keyUse(action, service)),
  ),
};

function keyUse(action: string, service: string): Asked {
  const context = { 'kms:ViaService': `${service}.eu-west-2.amazonaws.com` };
  return { action: `kms:${action}`, resource: arn('kms', 'key/KEY'), context };
}

function askedBy(role: Role): Asked[] {
  const asked = Object.values(calls).flatMap(({ by, asks }) => (by.some((each) => each === role) ? asks : []));
  return [...asked, ...(role === 'operator' ? byHand : []), ...keyUses[role]];
}

const grants = (role: Role, asked: Asked): Grant[] => grantsOf(policies[role], asked);

/** Names of the AWS calls in the command's files and in all that they import of ours. */
async function callsIn(path: string, seen = new Set<string>()): Promise<string[]> {
  if (seen.has(path)) return [];
  seen.add(path);
  const code = await readFile(path, 'utf8');
  const imported = [...code.matchAll(/from '(\.[^']+\.ts)'/g)].map(([, name]) => join(dirname(path), name!));
  const names = [...code.matchAll(/\bnew (\w+Command|FhirStore)\(|\b(paginate\w+)\(/g)].map(([, a, b]) => a ?? b!);
  const deeper = await Promise.all(imported.map((each) => callsIn(each, seen)));
  return [...names, ...deeper.flat()];
}

it('knows every AWS call that the command can make', async () => {
  const found = new Set(await callsIn(join(root, 'ops/main.ts')));
  expect([...found].sort()).toEqual([...Object.keys(calls), ...ofTheSteps].sort());
});

test.each(both)('the %s may do all that their part of it needs', (role) => {
  expect(askedBy(role).filter((asked) => grants(role, asked).length === 0)).toEqual([]);
});

test.each(both)('the %s may do nothing else', (role) => {
  const used = new Set(askedBy(role).flatMap((asked) => grants(role, asked).map(textOf)));
  const granted = policies[role].flatMap((statement) =>
    statement.actions.flatMap((action) =>
      statement.resources.map((resource) => textOf({ statement, action, resource })),
    ),
  );
  expect(granted.filter((each) => !used.has(each))).toEqual([]);
  expect(granted.filter((each) => each.split(' ')[0]!.includes('*'))).toEqual([]);
});

const textOf = ({ action, resource }: Grant): string => `${action} ${resource}`;

const held = { action: 'states:SendTaskSuccess', resource: machine('refresh-consents') };

it.each<{ role: Role; what: string; asked: Asked }>([
  { role: 'operator', what: 'let a held run write', asked: held },
  {
    role: 'reviewer',
    what: 'start a run',
    asked: { action: 'states:StartExecution', resource: machine('refresh-consents'), context: live },
  },
  {
    role: 'operator',
    what: 'start another version than the live one',
    asked: {
      action: 'states:StartExecution',
      resource: machine('refresh-consents'),
      context: { 'states:StateMachineQualifier': '7' },
    },
  },
  {
    role: 'operator',
    what: 'delete a run from the ledger',
    asked: { action: 'dynamodb:DeleteItem', resource: table, context: { 'dynamodb:LeadingKeys': 'RUN#1' } },
  },
  {
    role: 'operator',
    what: 'read requests and replies',
    asked: { action: 's3:GetObject', resource: file('inbox/m/body') },
  },
  { role: 'reviewer', what: 'read snapshots', asked: { action: 's3:GetObject', resource: file('snapshots/r/p') } },
  {
    role: 'operator',
    what: 'decrypt by themselves',
    asked: { action: 'kms:Decrypt', resource: arn('kms', 'key/KEY') },
  },
])('does not let the $role $what', ({ role, asked }) => {
  expect(grants(role, asked)).toEqual([]);
});
