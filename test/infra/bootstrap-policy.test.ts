import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, test } from '@jest/globals';
import { synthesize } from '../../local/assembly/synthesize.ts';
import { root } from './definitions.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
}

let text: string;
let statements: readonly Statement[];
let types: ReadonlySet<string>;
let templates: readonly string[];

beforeAll(async () => {
  text = await readFile(join(root, 'infra/bootstrap-policy.json'), 'utf8');
  ({ Statement: statements } = JSON.parse(text) as { Statement: readonly Statement[] });
  templates = await templatesOf((await synthesize(root)).directory);
  const deployed = typesOf(templates);
  // Made where an environment asks for it, as none of ours does.
  types = new Set([...deployed, 'AWS::HealthLake::FHIRDatastore', 'AWS::ApiGatewayV2::Authorizer']);
}, 240_000);

async function templatesOf(assembly: string): Promise<string[]> {
  const files = (await readdir(assembly, { recursive: true })).filter((name) => name.endsWith('.template.json'));
  return Promise.all(files.map((file) => readFile(join(assembly, file), 'utf8')));
}

/** Types of everything that any environment deploys. */
function typesOf(texts: readonly string[]): ReadonlySet<string> {
  return new Set(
    texts.flatMap((template) =>
      Object.values((JSON.parse(template) as { Resources: Record<string, { Type: string }> }).Resources).map(
        ({ Type }) => Type,
      ),
    ),
  );
}

/** What CloudFormation calls to make one of a type. */
const making: Readonly<Record<string, string>> = {
  'AWS::ApiGatewayV2::Api': 'apigateway:POST',
  'AWS::ApiGatewayV2::Authorizer': 'apigateway:POST',
  'AWS::ApiGatewayV2::Integration': 'apigateway:POST',
  'AWS::ApiGatewayV2::Route': 'apigateway:POST',
  'AWS::ApiGatewayV2::Stage': 'apigateway:POST',
  'AWS::CloudWatch::Alarm': 'cloudwatch:PutMetricAlarm',
  'AWS::CloudWatch::Dashboard': 'cloudwatch:PutDashboard',
  'AWS::DynamoDB::GlobalTable': 'dynamodb:CreateTable',
  'AWS::Events::Rule': 'events:PutRule',
  'AWS::HealthLake::FHIRDatastore': 'healthlake:CreateFHIRDatastore',
  'AWS::IAM::Policy': 'iam:PutRolePolicy',
  'AWS::IAM::Role': 'iam:CreateRole',
  'AWS::KMS::Key': 'kms:CreateKey',
  'AWS::Lambda::Alias': 'lambda:CreateAlias',
  'AWS::Lambda::Function': 'lambda:CreateFunction',
  'AWS::Lambda::Permission': 'lambda:AddPermission',
  'AWS::Lambda::Version': 'lambda:PublishVersion',
  'AWS::Logs::LogGroup': 'logs:CreateLogGroup',
  'AWS::Logs::MetricFilter': 'logs:PutMetricFilter',
  'AWS::Logs::QueryDefinition': 'logs:PutQueryDefinition',
  'AWS::S3::Bucket': 's3:CreateBucket',
  'AWS::S3::BucketPolicy': 's3:PutBucketPolicy',
  'AWS::Scheduler::Schedule': 'scheduler:CreateSchedule',
  'AWS::Scheduler::ScheduleGroup': 'scheduler:CreateScheduleGroup',
  'AWS::SecretsManager::Secret': 'secretsmanager:CreateSecret',
  'AWS::SNS::Subscription': 'sns:Subscribe',
  'AWS::SNS::Topic': 'sns:CreateTopic',
  'AWS::SNS::TopicPolicy': 'sns:SetTopicAttributes',
  'AWS::SQS::Queue': 'sqs:CreateQueue',
  'AWS::SQS::QueuePolicy': 'sqs:SetQueueAttributes',
  'AWS::StepFunctions::StateMachine': 'states:CreateStateMachine',
  'AWS::StepFunctions::StateMachineAlias': 'states:CreateStateMachineAlias',
  'AWS::StepFunctions::StateMachineVersion': 'states:PublishStateMachineVersion',
};

function allowing(action: string): Statement[] {
  return statements.filter(({ Action }) =>
    [Action].flat().some((pattern) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`, 'i').test(action)),
  );
}

it('allows CloudFormation to make everything that is deployed', () => {
  expect(types.size).toBeGreaterThan(15);
  const missing = [...types].filter((type) => {
    const action = making[type];
    return action === undefined || allowing(action).length === 0;
  });
  expect(missing).toEqual([]);
});

it('allows CloudFormation to read the outputs that a stack has of another, which it does in its own name', () => {
  const read = new Set(
    templates.flatMap((template) =>
      [...template.matchAll(/"Fn::GetStackOutput":\s*\{\s*"StackName":\s*"([^"]+)"/g)].map(([, stack = '']) => stack),
    ),
  );
  expect(read.size).toBeGreaterThan(4);
  const allowed = allowing('cloudformation:DescribeStacks').flatMap(({ Resource }) => Resource);
  const patterns = allowed.map((resource) => new RegExp(`^${resource.replaceAll('*', '.*')}$`));
  const unread = [...read].filter(
    (stack) => !patterns.some((each) => each.test(`arn:aws:cloudformation:eu-west-2:111111111111:stack/${stack}/1`)),
  );
  expect(unread).toEqual([]);
  expect(allowed).not.toContain('*');
});

it.each([
  'dynamodb:GetItem',
  'dynamodb:UpdateItem',
  'healthlake:DeleteFHIRDatastore',
  'healthlake:ReadResource',
  'iam:AttachRolePolicy',
  'iam:CreateUser',
  'iam:CreatePolicyVersion',
  'lambda:InvokeFunction',
  's3:PutObject',
  's3:DeleteObject',
  'secretsmanager:GetSecretValue',
  'secretsmanager:PutSecretValue',
  'sns:Publish',
  'sqs:SendMessage',
  'states:StartExecution',
  'states:SendTaskSuccess',
  'sts:AssumeRole',
])('does not allow %s', (action) => {
  expect(allowing(action)).toEqual([]);
});

test.each([
  { action: 's3:GetObject', only: 'arn:aws:s3:::cdk-*-assets-*/*' },
  { action: 'iam:PassRole', only: 'arn:aws:iam::*:role/*-pipeline-*' },
])('$action is for $only alone', ({ action, only }) => {
  const found = allowing(action);
  expect(found).toHaveLength(1);
  const objects = [found[0]!.Resource].flat().filter((resource) => /\/\*|role/.test(resource));
  expect(objects.filter((resource) => resource !== only && resource.includes(':s3:'))).toEqual([]);
  expect(objects).toContain(only);
});

it('decrypts nothing but through the services that make things, and passes roles to three services alone', () => {
  for (const action of ['kms:Decrypt', 'kms:Encrypt', 'kms:ReEncryptTo', 'kms:CreateGrant', 'iam:PassRole']) {
    expect(allowing(action)).toHaveLength(1);
    for (const { Condition } of allowing(action)) expect(Condition).toBeDefined();
  }
});

it('is no longer than a managed policy may be', () => {
  expect(JSON.stringify(JSON.parse(text)).length).toBeLessThanOrEqual(6_144);
});
