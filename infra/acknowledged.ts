import { CfnElement, Stack, Validations, type App } from 'aws-cdk-lib';
import { AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import type { DataStack } from './data/data-stack.ts';
import type { NoomStack } from './noom/noom-stack.ts';
import type { OpsStack } from './ops/ops-stack.ts';
import type { PipelineStack } from './pipeline/pipeline-stack.ts';
import { StepFunction } from './pipeline/step-function.ts';

interface Stacks {
  readonly data: DataStack;
  readonly pipeline: PipelineStack;
  readonly noom: NoomStack | undefined;
  readonly ops: OpsStack;
}

/** What each kind of file is to the steps that may read or write it. A wildcard stands for a run, a message or a file alone. */
const fileRights: Readonly<Record<string, string>> = {
  'cohorts/*': 'The operators choose the name of a cohort file',
  'exports/*': 'HealthLake chooses the names of the files that it exports',
  'imports/*/input/*': 'One folder a run, and as many files as it imports',
  'imports/*/output/*': 'HealthLake chooses the names of its logs of an import',
  'inbox/*': 'MESH chooses the ids of the messages that these keys are made of',
  'runs/*/changes/*': 'One folder a run, and as many files as it has changes for',
  'runs/*/cohort/*': 'One folder a run, and as many files as its cohort has parts',
  'runs/*/patients/*': 'One folder a run, and as many files as its export',
  'runs/*/quarantine/*': 'One folder a run, and as many files as its cohort has parts',
  'runs/*/report/*': 'One folder a run',
  'runs/*/request/*': 'One folder a run, and as many files as it has requests',
  'runs/*/writes/*': 'One folder a run, and as many files as it has changes for',
  'snapshots/*': 'One folder a run; a snapshot also points at files of earlier ones',
};

/** Lets no stack be synthesized with a finding of cdk-nag that is not acknowledged below. */
export function holdAgainstRules(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app), new ServerlessChecks(app));
}

/** What cdk-nag finds and we have decided to leave, each by its exact id and where it stands. */
export function acknowledge({ data, pipeline, noom, ops }: Stacks): void {
  acknowledgeData(data);
  acknowledgeFunctions(pipeline, data);
  acknowledgeMachines(pipeline);
  leave(pipeline.unstarted, 'It is the dead-letter queue itself', ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy']);
  leave(pipeline, 'One role, one policy: nobody else is to have it, and it goes when the role goes', [
    'HIPAA.Security-IAMNoInlinePolicy',
  ]);
  if (noom) acknowledgeNoom(noom);
  leave(ops, 'The alarms on the same executions tell of the same ends, by another way', ['Serverless-EventBusDLQ']);
}

function acknowledgeData({ bucket, node, meshSecret, idKey, topic }: DataStack): void {
  const rotation = ['AwsSolutions-SMG4', 'HIPAA.Security-SecretsManagerRotationEnabled'];
  leave(meshSecret, 'NHS England issues what is in it, and changes it together with us', rotation);
  leave(idKey, 'Consent ids are made with it: under another key, everybody would have a second Consent', rotation);
  const replication = ['HIPAA.Security-S3BucketReplicationEnabled'];
  leave(bucket, 'A run can be made again; a copy would keep NHS numbers in a second place', replication);
  const accessLogs = node.findChild('AccessLogs');
  leave(accessLogs, 'They tell who read the files, and the files are not replicated either', replication);
  leave(accessLogs, 'S3 delivers access logs only to buckets that are encrypted with its own keys', [
    'HIPAA.Security-S3DefaultEncryptionKMS',
  ]);
  leave(topic, 'A mail that SNS could not deliver would wait in a queue that nobody reads', [
    'Serverless-SNSRedrivePolicy',
  ]);
}

function acknowledgeFunctions({ steps }: PipelineStack, data: DataStack): void {
  leave(steps, 'X-Ray knows no resources', ['AwsSolutions-IAM5[Resource::*]']);
  leave(steps, 'The two ways to make a data key, on one key', ['AwsSolutions-IAM5[Action::kms:GenerateDataKey*]']);
  // How the bucket's ARN reads from outside its stack.
  const bucket = JSON.stringify({
    'Fn::GetStackOutput': {
      StackName: data.stackName,
      Region: data.region,
      OutputName: `PublishOutputFnGetAtt${logicalIdOf(data.bucket)}ArnB90C6676`,
    },
  });
  for (const [keys, reason] of Object.entries(fileRights)) {
    leave(steps, reason, [`AwsSolutions-IAM5[Resource::${bucket}/${keys}]`]);
  }
  leave(steps, 'State machines invoke them and wait: what fails is retried, caught and recorded there', [
    'HIPAA.Security-LambdaDLQ',
    'Serverless-LambdaDLQ',
  ]);
  leave(steps, 'The state machines bound how many run at once: one of most, two of those that write', [
    'HIPAA.Security-LambdaConcurrency',
  ]);
  leave(steps, 'They listen to nobody, and what they call is told who they are: by IAM, and over mutual TLS by MESH', [
    'HIPAA.Security-LambdaInsideVPC',
  ]);
}

function acknowledgeNoom(noom: NoomStack): void {
  leave(noom, 'X-Ray knows no resources', ['AwsSolutions-IAM5[Resource::*]']);
  leave(noom, 'One role, one policy: nobody else is to have it, and it goes when the role goes', [
    'HIPAA.Security-IAMNoInlinePolicy',
  ]);
  leave(noom, 'Whoever calls the API is told that it failed, and calls again', [
    'HIPAA.Security-LambdaDLQ',
    'Serverless-LambdaDLQ',
  ]);
  leave(noom, 'The API lets so many calls a second through, and no more', ['HIPAA.Security-LambdaConcurrency']);
  leave(noom, 'It listens to nobody but API Gateway, and what it calls is told by IAM who it is', [
    'HIPAA.Security-LambdaInsideVPC',
  ]);
}

function acknowledgeMachines({ steps, refresh, drain }: PipelineStack): void {
  const functions = steps.node.children.filter((child) => child instanceof StepFunction);
  const versions = functions.map((step) => `AwsSolutions-IAM5[Resource::<${logicalIdOf(step)}.Arn>:*]`);
  for (const machine of [refresh, drain]) {
    leave(machine, 'A run under way goes on with the versions of its functions that it began with', versions);
    leave(machine, 'X-Ray and the delivery of logs know no resources', ['AwsSolutions-IAM5[Resource::*]']);
  }
}

function logicalIdOf({ node: { defaultChild, path } }: IConstruct): string {
  if (!CfnElement.isCfnElement(defaultChild)) throw new Error(`${path} has no resource of its own`);
  return Stack.of(defaultChild).getLogicalId(defaultChild);
}

function leave(where: IConstruct, reason: string, ids: readonly string[]): void {
  Validations.of(where).acknowledge(...ids.map((id) => ({ id, reason })));
}
