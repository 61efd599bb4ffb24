import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, test } from '@jest/globals';
import { synthesize } from '../../local/assembly/synthesize.ts';

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: object;
}
interface Resource {
  readonly Type: string;
  readonly Properties: {
    readonly AssumeRolePolicyDocument?: { readonly Statement: readonly Statement[] };
    readonly PolicyDocument?: { readonly Statement: readonly Statement[] };
    readonly Roles?: readonly { readonly Ref: string }[];
  };
}

const root = join(import.meta.dirname, '../..');
const datastoreArn = 'arn:aws:healthlake:eu-west-2:000000000000:datastore/fhir/local';
let resources: [name: string, resource: Resource][];

beforeAll(async () => {
  const stage = join((await synthesize(root)).directory, 'assembly-local');
  const file = (await readdir(stage)).find((name) => /pipeline.*\.template\.json$/.test(name)) ?? '';
  const template = JSON.parse(await readFile(join(stage, file), 'utf8')) as { Resources: Record<string, Resource> };
  resources = Object.entries(template.Resources);
}, 120_000);

function statementsOf(role: RegExp): Statement[] {
  return resources
    .filter(([, { Properties }]) => Properties.Roles?.some(({ Ref }) => role.test(Ref)) === true)
    .flatMap(([, { Properties }]) => Properties.PolicyDocument?.Statement ?? []);
}

test.each(['ExportRole', 'ImportRole'])(
  'the %s can be taken on by HealthLake alone, for our data store alone',
  (of) => {
    const role = resources.find(([name]) => name.includes(of))?.[1];
    expect(role?.Properties.AssumeRolePolicyDocument?.Statement).toEqual([
      {
        Action: 'sts:AssumeRole',
        Effect: 'Allow',
        Principal: { Service: 'healthlake.amazonaws.com' },
        Condition: {
          StringEquals: { 'aws:SourceAccount': '000000000000' },
          ArnEquals: { 'aws:SourceArn': datastoreArn },
        },
      },
    ]);
  },
);

describe('the role that HealthLake exports as', () => {
  it('writes below exports/ alone, and reads nothing', () => {
    const statements = statementsOf(/ExportRole/);
    const actions = statements.flatMap(({ Action }) => Action);
    expect([...actions].sort()).toEqual([
      'kms:DescribeKey',
      'kms:GenerateDataKey*',
      's3:GetBucketPublicAccessBlock',
      's3:GetEncryptionConfiguration',
      's3:ListBucket',
      's3:PutObject',
    ]);
    const put = statements.find(({ Action }) => Action === 's3:PutObject');
    expect(JSON.stringify(put?.Resource)).toMatch(/\/exports\/\*"/);
  });
});

describe('the role that HealthLake imports as', () => {
  it('reads what it is to import, and writes what became of it, below imports/ alone', () => {
    const statements = statementsOf(/ImportRole/);
    const actions = statements.flatMap(({ Action }) => Action);
    expect([...actions].sort()).toEqual([
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:GenerateDataKey*',
      's3:GetBucketPublicAccessBlock',
      's3:GetEncryptionConfiguration',
      's3:GetObject',
      's3:ListBucket',
      's3:PutObject',
    ]);
    const resourceOf = (action: string) => JSON.stringify(statements.find(({ Action }) => Action === action)?.Resource);
    expect(resourceOf('s3:GetObject')).toMatch(/\/imports\/\*\/input\/\*"/);
    expect(resourceOf('s3:PutObject')).toMatch(/\/imports\/\*\/output\/\*"/);
  });
});

it('each role is passed to HealthLake alone, by the step that starts the job alone', () => {
  const passingOf = (role: RegExp) => statementsOf(role).filter(({ Action }) => Action === 'iam:PassRole');
  const [exporting, importing] = [passingOf(/ExportPatients/), passingOf(/StartImport/)];
  expect(JSON.stringify(exporting.map(({ Resource }) => Resource))).toMatch(/ExportRole/);
  expect(JSON.stringify(importing.map(({ Resource }) => Resource))).toMatch(/ImportRole/);
  const all = resources.flatMap(([, { Properties }]) =>
    (Properties.PolicyDocument?.Statement ?? []).filter(({ Action }) => Action === 'iam:PassRole'),
  );
  expect(all).toEqual(expect.arrayContaining([...exporting, ...importing]));
  expect(all.map(({ Condition }) => Condition)).toEqual(
    Array.from({ length: 2 }, () => ({ StringEquals: { 'iam:PassedToService': 'healthlake.amazonaws.com' } })),
  );
});
