import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, test } from '@jest/globals';
import { readEnvironments } from '../../infra/read-environments.ts';
import { synthesize } from '../../local/assembly/synthesize.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly Principal?: { readonly Service?: string; readonly AWS?: unknown };
  readonly Condition?: unknown;
}
interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}
type Resources = Readonly<Record<string, Resource>>;
interface Synthesized {
  readonly stacks: Readonly<Record<string, Resources>>;
  readonly isProtected: Readonly<Record<string, boolean>>;
  readonly findings: readonly string[];
}
interface Artifact {
  readonly properties?: {
    readonly stackName?: string;
    readonly templateFile?: string;
    readonly terminationProtection?: boolean;
  };
}

const root = join(import.meta.dirname, '../..');
const environments = await readEnvironments(join(root, 'infra/environments'));
const names = environments.map(({ name }) => name);
const { account: prodAccount } = environments.find(({ name }) => name === 'prod')!;
let app: Synthesized;

beforeAll(async () => {
  const { directory } = await synthesize(root);
  const stacks: Record<string, Resources> = {};
  const isProtected: Record<string, boolean> = {};
  for (const environment of names) {
    const folder = join(directory, `assembly-${environment}`);
    const { artifacts } = (await read(join(folder, 'manifest.json'))) as { artifacts: Record<string, Artifact> };
    for (const { properties } of Object.values(artifacts)) {
      if (properties?.stackName === undefined || properties.templateFile === undefined) continue;
      const template = (await read(join(folder, properties.templateFile))) as { Resources: Resources };
      stacks[properties.stackName] = template.Resources;
      isProtected[properties.stackName] = properties.terminationProtection === true;
    }
  }
  app = { stacks, isProtected, findings: await findingsIn(directory) };
}, 180_000);

/** Synthesizes another app with the context of ours. */
async function synthesizeApp(file: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ndop-security-'));
  try {
    const { context } = (await read(join(root, 'cdk.json'))) as { context: object };
    await promisify(execFile)(process.execPath, ['--no-warnings', join(root, file)], {
      cwd: root,
      env: { ...process.env, CDK_OUTDIR: directory, CDK_CONTEXT_JSON: JSON.stringify(context) },
    });
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function findingsIn(directory: string): Promise<string[]> {
  const { pluginReports } = (await read(join(directory, 'validation-report.json'))) as {
    pluginReports: { violations: { ruleName: string }[] }[];
  };
  return pluginReports.flatMap(({ violations }) => violations.map(({ ruleName }) => ruleName));
}

async function read(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, 'utf8'));
}

const all = (type: string) =>
  Object.entries(app.stacks).flatMap(([stack, resources]) =>
    Object.entries(resources)
      .filter(([, { Type }]) => Type === type)
      .map(([name, resource]) => ({ name: `${stack}/${name}`, ...resource })),
  );
const inProd = (type: string) => all(type).filter(({ name }) => name.startsWith('prod-'));
const statementsOf = (policy: unknown) => (policy as { Statement: readonly Statement[] }).Statement;
const namesOf = (resources: readonly { readonly name: string }[]) => resources.map(({ name }) => name);

describe("cdk-nag's rules", () => {
  it('find nothing that is not acknowledged, in any environment', () => {
    expect(app.findings).toEqual([]);
    expect(Object.keys(app.stacks).sort()).toEqual(
      [
        ...environments.flatMap(({ name, noom }) => [
          `${name}-data`,
          `${name}-ops`,
          `${name}-pipeline`,
          ...(noom.enabled ? [`${name}-noom`] : []),
        ]),
      ].sort(),
    );
  });

  it('stop a synthesis with a bucket that nobody has thought about', async () => {
    await expect(synthesizeApp('test/infra/careless-app.ts')).rejects.toThrow('AwsSolutions-S1');
  }, 120_000);
});

describe('what is kept', () => {
  it('outlives its stack and its replacement', () => {
    const kept = names.flatMap((name) => Object.entries(app.stacks[`${name}-data`] ?? {}));
    const types = ['KMS::Key', 'S3::Bucket', 'DynamoDB::GlobalTable', 'SecretsManager::Secret', 'SNS::Topic'];
    const stateful = kept.filter(([, { Type }]) => types.includes(Type.replace('AWS::', '')));
    expect(stateful).toHaveLength(7 * names.length);
    for (const [name, { DeletionPolicy, UpdateReplacePolicy }] of stateful) {
      expect({ name, DeletionPolicy, UpdateReplacePolicy }).toEqual({
        name,
        // But not of a creation that failed: it could not be repeated.
        DeletionPolicy: 'RetainExceptOnCreate',
        UpdateReplacePolicy: 'Retain',
      });
    }
  });

  it('is in a stack that nobody deletes by mistake, but on a laptop', () => {
    expect(['dev-data', 'int-data', 'local-data', 'prod-data'].map((stack) => app.isProtected[stack])).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it('is encrypted with the key of the environment, which changes by itself', () => {
    expect(inProd('AWS::KMS::Key').map(({ Properties }) => Properties.EnableKeyRotation)).toEqual([true]);
    const encrypted = [
      ...inProd('AWS::SecretsManager::Secret').map(({ Properties }) => Properties.KmsKeyId),
      ...inProd('AWS::SNS::Topic').map(({ Properties }) => Properties.KmsMasterKeyId),
      ...inProd('AWS::SQS::Queue').map(({ Properties }) => Properties.KmsMasterKeyId),
      ...inProd('AWS::Logs::LogGroup').map(({ Properties }) => Properties.KmsKeyId),
    ];
    expect(encrypted.length).toBeGreaterThan(30);
    expect(encrypted.filter((key) => !JSON.stringify(key ?? '').includes('Key961B73FD'))).toEqual([]);
    const [files] = inProd('AWS::S3::Bucket').filter(({ name }) => name.includes('/Files'));
    expect(JSON.stringify(files?.Properties.BucketEncryption)).toMatch(/"aws:kms".*Key961B73FD|Key961B73FD.*"aws:kms"/);
    const [table] = inProd('AWS::DynamoDB::GlobalTable');
    expect(table?.Properties.SSESpecification).toMatchObject({ SSEEnabled: true, SSEType: 'KMS' });
  });

  it('is read and written over TLS alone', () => {
    const policies = [
      ...all('AWS::S3::BucketPolicy'),
      ...all('AWS::SQS::QueuePolicy'),
      ...all('AWS::SNS::TopicPolicy'),
    ];
    expect(policies).toHaveLength(4 * names.length);
    for (const { name, Properties } of policies) {
      const refused = statementsOf(Properties.PolicyDocument).filter(({ Effect }) => Effect === 'Deny');
      expect({ name, refused: JSON.stringify(refused) }).toEqual({
        name,
        refused: expect.stringContaining('{"Bool":{"aws:SecureTransport":"false"}}'),
      });
    }
  });

  it('is public in no bucket, and every version of it goes in the end', () => {
    const buckets = all('AWS::S3::Bucket');
    for (const { Properties } of buckets) {
      expect(Properties).toMatchObject({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        VersioningConfiguration: { Status: 'Enabled' },
      });
      const { Rules } = Properties.LifecycleConfiguration as { Rules: Record<string, unknown>[] };
      expect(
        Rules.some(({ Prefix, AbortIncompleteMultipartUpload }) => !Prefix && AbortIncompleteMultipartUpload),
      ).toBe(true);
      for (const rule of Rules) expect(rule).toHaveProperty('NoncurrentVersionExpiration');
    }
    const files = buckets.filter(({ name }) => name.includes('/Files'));
    for (const { Properties } of files) {
      expect(Properties).toHaveProperty('LoggingConfiguration.DestinationBucketName');
      const { Rules } = Properties.LifecycleConfiguration as {
        Rules: { Prefix?: string; ExpirationInDays?: number }[];
      };
      const prefixes = Rules.flatMap(({ Prefix, ExpirationInDays }) => (Prefix && ExpirationInDays ? [Prefix] : []));
      expect(prefixes).toEqual(['cohorts/', 'exports/', 'imports/', 'runs/', 'inbox/', 'snapshots/']);
    }
  });

  it('can be brought back in the ledger, which nobody deletes by mistake and whose cost has an end', () => {
    for (const { Properties } of all('AWS::DynamoDB::GlobalTable')) {
      const [replica] = Properties.Replicas as object[];
      expect(replica).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
      expect(JSON.stringify(Properties)).toMatch(/"MaxReadRequestUnits":4000/);
      expect(JSON.stringify(Properties)).toMatch(/"MaxWriteRequestUnits":2000/);
    }
  });

  it('gives the services that use the key for us no more than that', () => {
    const [key] = inProd('AWS::KMS::Key');
    const services = statementsOf(key?.Properties.KeyPolicy).filter(({ Principal }) => Principal?.Service);
    expect(
      services.map(({ Principal, Condition }) => [Principal?.Service, Condition === undefined ? 'any' : 'ours']),
    ).toEqual([
      ['logs.eu-west-2.amazonaws.com', 'ours'],
      ['delivery.logs.amazonaws.com', 'ours'],
      ['cloudwatch.amazonaws.com', 'ours'],
      ['events.amazonaws.com', 'ours'],
    ]);
    expect(services[3]?.Condition).toEqual({
      ArnLike: { 'kms:EncryptionContext:aws:sns:topicArn': `arn:aws:sns:eu-west-2:${prodAccount}:prod-data-*` },
    });
    expect(JSON.stringify(services[0]?.Condition)).toBe(
      JSON.stringify({
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': [
            `arn:aws:logs:eu-west-2:${prodAccount}:log-group:prod-*`,
            `arn:aws:logs:eu-west-2:${prodAccount}:log-group:/aws/vendedlogs/states/prod-*`,
          ],
        },
      }),
    );
  });
});

describe('the operators’ topic', () => {
  it('takes nothing from a service but for this account, and of EventBridge from the one rule alone', () => {
    const [policy] = inProd('AWS::SNS::TopicPolicy');
    const services = statementsOf(policy?.Properties.PolicyDocument).filter(({ Principal }) => Principal?.Service);
    const account = { StringEquals: { 'aws:SourceAccount': prodAccount } };
    const [rule] = inProd('AWS::Events::Rule');
    const ruleArn = `arn:aws:events:eu-west-2:${prodAccount}:rule/${String(rule?.Properties.Name)}`;
    expect(services.map(({ Principal, Action, Condition }) => [Principal?.Service, Action, Condition])).toEqual([
      ['cloudwatch.amazonaws.com', 'sns:Publish', account],
      ['events.amazonaws.com', 'sns:Publish', { ...account, ArnEquals: { 'aws:SourceArn': ruleArn } }],
    ]);
  });
});

describe('logs', () => {
  it('are kept for as long as the environment says, and mask the NHS numbers that no step logs', () => {
    const groups = all('AWS::Logs::LogGroup');
    expect(groups.length).toBeGreaterThan(26 * names.length);
    expect(groups.filter(({ Properties }) => Properties.RetentionInDays !== 90)).toEqual([]);
    const machines = groups.filter(({ Properties }) => Properties.LogGroupName !== undefined);
    expect(machines.map(({ Properties }) => Properties.LogGroupName).sort()).toEqual(
      names
        .flatMap((name) => [`${name}-drain-mailbox`, `${name}-refresh-consents`])
        .map((name) => `/aws/vendedlogs/states/${name}`),
    );
    const functions = groups.filter(({ Properties }) => Properties.LogGroupName === undefined);
    expect(
      namesOf(
        functions.filter(
          ({ Properties }) => !JSON.stringify(Properties.DataProtectionPolicy ?? '').includes('NhsNumber-GB'),
        ),
      ),
    ).toEqual([]);
  });

  test.each([
    { line: '{"message":"9434765919"}', isMasked: true },
    { line: '{"message":"of 943 476 5919."}', isMasked: true },
    { line: '{"message":"of 943-476-5919, which"}', isMasked: true },
    { line: '{"number":9434765919}', isMasked: true },
    { line: '{"runId":"20260901T020000Z-7f3a"}', isMasked: false },
    { line: '{"at":1788228000000,"since":"1788228000000"}', isMasked: false },
    { line: '{"timestamp":"2026-09-01T02:00:00.000Z"}', isMasked: false },
    { line: '{"key":"runs/20260901T020000Z-7f3a/cohort/part-00001.csv"}', isMasked: false },
    { line: '{"requestId":"12345678-1234-4234-8123-123456789012"}', isMasked: false },
    { line: '{"xray_trace_id":"1-5e272390-8c398be037738dc042009320"}', isMasked: false },
    { line: '{"account":"333333333333","count":943476591}', isMasked: false },
  ])('masks in $line: $isMasked', ({ line, isMasked }) => {
    const expressions = new Set(
      inProd('AWS::Logs::LogGroup').flatMap(({ Properties }) =>
        [...JSON.stringify(Properties.DataProtectionPolicy ?? {}).matchAll(/"Regex":"([^"]+)"/gi)].map(
          ([, expression = '']) => expression,
        ),
      ),
    );
    expect(expressions.size).toBe(1);
    // What AWS's page says that an expression may be made of: no group is among it.
    for (const expression of expressions) {
      expect(expression).toMatch(/^[\w#=@/;, ^$?[\]{}|\\*+.-]{1,200}$/);
      expect(new RegExp(expression).test(line)).toBe(isMasked);
    }
  });

  it('of state machines hold no data, and their definitions are encrypted with the key', () => {
    const machines = all('AWS::StepFunctions::StateMachine');
    expect(machines).toHaveLength(2 * names.length);
    for (const { Properties } of machines) {
      expect(Properties).toMatchObject({
        LoggingConfiguration: { IncludeExecutionData: false },
        EncryptionConfiguration: { Type: 'CUSTOMER_MANAGED_KMS_KEY' },
        TracingConfiguration: { Enabled: true },
      });
    }
  });
});

describe('a deployment', () => {
  it('leaves the versions of functions and definitions that runs began with', () => {
    const versions = [...inProd('AWS::Lambda::Version'), ...inProd('AWS::StepFunctions::StateMachineVersion')];
    expect(versions.length).toBe(inProd('AWS::Lambda::Function').length + 2);
    for (const { Type, DeletionPolicy, UpdateReplacePolicy } of versions) {
      // Of an update that failed, Lambda would not publish the same code again.
      const deletion = Type === 'AWS::Lambda::Version' ? 'RetainExceptOnCreate' : 'Retain';
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual([deletion, 'Retain']);
    }
  });

  it('makes state machines invoke published versions, and lets the runs under way invoke theirs', () => {
    for (const { name, Properties } of inProd('AWS::StepFunctions::StateMachine')) {
      const definition = JSON.stringify(Properties.DefinitionString);
      const invoked = [...definition.matchAll(/FunctionName\\":\\"",\{"(\w+)":"(\w+)"/g)];
      expect(invoked.length).toBeGreaterThan(3);
      for (const [, how, what] of invoked)
        expect([how, what]).toEqual(['Ref', expect.stringContaining('CurrentVersion')]);
      const machine = /(RefreshConsents|DrainMailbox)/.exec(name)?.[0] ?? '';
      const rights = inProd('AWS::IAM::Policy')
        .filter((policy) => policy.name.includes(`${machine}StateMachineRole`))
        .flatMap(({ Properties: { PolicyDocument } }) => statementsOf(PolicyDocument))
        .filter(({ Action }) => Action === 'lambda:InvokeFunction');
      const resources = rights.flatMap(({ Resource }) =>
        Array.isArray(Resource) ? (Resource as unknown[]) : [Resource],
      );
      expect(resources.length).toBeGreaterThan(3);
      for (const resource of resources) expect(JSON.stringify(resource)).toMatch(/"Arn"\]\},":\*"\]/);
    }
  });
});

describe('the schedules', () => {
  it('start the live version alone, outside the hour in which the clocks change, and lose no start', () => {
    const aliases = inProd('AWS::StepFunctions::StateMachineAlias').map(({ name }) =>
      name.replace('prod-pipeline/', ''),
    );
    const schedules = all('AWS::Scheduler::Schedule');
    expect(schedules).toHaveLength(2 * environments.length);
    for (const { name, Properties } of schedules) {
      const { drain, schedule: runs } = environments.find((each) => name.startsWith(`${each.name}-`))!;
      const { enabled } = name.includes('Drain') ? drain : runs;
      const { Target, ...schedule } = Properties as { Target: { Arn: { 'Fn::GetAtt': [string, string] } } };
      expect(schedule).toMatchObject({
        State: enabled ? 'ENABLED' : 'DISABLED',
        ScheduleExpressionTimezone: 'Europe/London',
      });
      expect(JSON.stringify(schedule)).toMatch(/cron\(\d+ (?:[3-9]|1\d|2[0-3]) /);
      expect(aliases).toContain(Target.Arn['Fn::GetAtt'][0]);
      expect(Target).toMatchObject({
        RetryPolicy: { MaximumEventAgeInSeconds: 7_200, MaximumRetryAttempts: 10 },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': [expect.stringContaining('Unstarted'), 'Arn'] } },
      });
    }
    for (const { Properties } of all('AWS::SQS::Queue')) {
      expect(Properties.MessageRetentionPeriod).toBe(14 * 86_400);
    }
  });

  test.each(['Weekly', 'Daily'])('%s may do nothing but that', (schedule) => {
    const statements = inProd('AWS::IAM::Policy')
      .filter(({ name }) => name.includes(`/${schedule}Role`))
      .flatMap(({ Properties: { PolicyDocument } }) => statementsOf(PolicyDocument));
    expect(statements.flatMap(({ Action }) => Action).sort()).toEqual([
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'sqs:SendMessage',
      'states:StartExecution',
    ]);
    expect(statements.find(({ Action }) => Action === 'states:StartExecution')).toMatchObject({
      Resource: { Ref: expect.stringContaining('StateMachine') },
      Condition: { 'ForAnyValue:StringEquals': { 'states:StateMachineQualifier': 'live' } },
    });
    expect(statements.find(({ Action }) => JSON.stringify(Action).includes('kms:'))).toMatchObject({
      Condition: { StringEquals: { 'kms:ViaService': 'sqs.eu-west-2.amazonaws.com' } },
    });
  });
});

it('no environment has an API that has not enabled it', () => {
  const gateways = Object.entries(app.stacks).filter(([, resources]) =>
    Object.values(resources).some(({ Type }) => Type.startsWith('AWS::ApiGateway')),
  );
  const enabled = environments.filter(({ noom }) => noom.enabled).map(({ name }) => `${name}-noom`);
  expect(gateways.map(([stack]) => stack).sort()).toEqual(enabled.sort());
});

describe('rights', () => {
  it('name what they are on, but for what AWS knows no resources of', () => {
    const unnamed = all('AWS::IAM::Policy').flatMap(({ Properties: { PolicyDocument } }) =>
      statementsOf(PolicyDocument)
        .filter(({ Resource }) => Resource === '*')
        .flatMap(({ Action }) => Action),
    );
    const known = /^(?:xray:(?:Put|GetSampling)|logs:\w*(?:LogDelivery|LogDeliveries|ResourcePolic|DescribeLogGroups))/;
    expect(unnamed.filter((action) => !known.test(action))).toEqual([]);
    const actions = all('AWS::IAM::Policy').flatMap(({ Properties: { PolicyDocument } }) =>
      statementsOf(PolicyDocument).flatMap(({ Action }) => Action),
    );
    expect([...new Set(actions.filter((action) => action.includes('*')))]).toEqual(['kms:GenerateDataKey*']);
  });
});

it('no template holds a secret, and no setting takes one from a secret', () => {
  for (const { name, Properties } of all('AWS::Lambda::Function')) {
    const settings = JSON.stringify(Properties.Environment);
    expect({ name, resolved: settings.includes('{{resolve:') }).toEqual({ name, resolved: false });
    expect(settings).not.toMatch(/password|private key|sharedkey/i);
  }
  for (const { Properties } of all('AWS::SecretsManager::Secret'))
    expect(Properties).not.toHaveProperty('SecretString');
});
