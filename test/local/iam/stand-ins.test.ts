import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DynamoDBClient, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDynamoDb } from '../../../local/dynamodb/start-dynamodb.ts';
import { startHealthLake, type HealthLake } from '../../../local/healthlake/healthlake.ts';
import { Access } from '../../../local/iam/access.ts';
import { parsePolicy } from '../../../local/iam/policy.ts';
import { startS3 } from '../../../local/s3/start-s3.ts';
import { startSecretsManager } from '../../../local/secrets-manager/start-secrets-manager.ts';
import { startSns } from '../../../local/sns/start-sns.ts';
import type { StandIn } from '../../../local/stand-in.ts';
import { startStepFunctions } from '../../../local/step-functions/step-functions.ts';
import { describeImport, startImport } from '../../../shared/fhir/import.ts';
import { FhirStore } from '../../../shared/fhir/store.ts';
import { consent } from '../healthlake/resources.ts';

const at = 'eu-west-2:000000000000';
const keyArn = `arn:aws:kms:${at}:key/one`;
const roleArn = 'arn:aws:iam::000000000000:role/import';
const datastoreArn = `arn:aws:healthlake:${at}:datastore/fhir/local`;
const topicArn = `arn:aws:sns:${at}:operators`;
const secretId = `arn:aws:secretsmanager:${at}:secret:mesh-AbCdEf`;

/** A step that may do a little of everything. */
const step = { accessKeyId: 'AKIDSTEP', secretAccessKey: 'step-secret' };
const operator = { accessKeyId: 'AKIDOPERATOR', secretAccessKey: 'operator-secret' };
const allow = (Action: string | string[], Resource: string, Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const statements = parsePolicy({
  Version: '2012-10-17',
  Statement: [
    allow(['s3:GetObject', 's3:PutObject'], 'arn:aws:s3:::files/runs/*'),
    allow('s3:GetObject', 'arn:aws:s3:::files/inbox/*'),
    allow('s3:ListBucket', 'arn:aws:s3:::files', { StringLike: { 's3:prefix': 'runs/*' } }),
    allow(['kms:Decrypt', 'kms:GenerateDataKey'], keyArn, {
      StringEquals: { 'kms:ViaService': 's3.eu-west-2.amazonaws.com' },
    }),
    allow('dynamodb:GetItem', `arn:aws:dynamodb:${at}:table/ledger`),
    allow('secretsmanager:GetSecretValue', secretId),
    allow('sns:Publish', topicArn),
    allow(['healthlake:ProcessBundle', 'healthlake:ReadResource', 'healthlake:UpdateResource'], datastoreArn),
    allow('healthlake:StartFHIRImportJob', datastoreArn),
  ],
});
const { authorize } = new Access(
  new Map([[step.accessKeyId, { name: 'step', arn: 'arn', statements }]]),
  operator.accessKeyId,
);
const credentials = new Map([step, operator].map((each) => [each.accessKeyId, each.secretAccessKey]));
const guard = { authorize, keyArn };

let directory: string;
let healthLake: HealthLake;
const standIns: StandIn[] = [];
const started = async <Kind extends StandIn>(starting: Promise<Kind>): Promise<Kind> => {
  const standIn = await starting;
  standIns.push(standIn);
  return standIn;
};
const client = ({ url }: StandIn, identity = step) => ({
  region: 'eu-west-2',
  endpoint: url,
  credentials: identity,
  maxAttempts: 1,
});

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iam-'));
});
afterAll(async () => {
  for (const standIn of standIns) await standIn.close();
  await rm(directory, { recursive: true });
});

it('S3 refuses what the role may not do with a file, a missing file, a prefix', async () => {
  const s3 = await started(startS3({ directory, buckets: ['files'], credentials, guard }));
  const [asStep, asOperator] = [new S3Client(client(s3)), new S3Client(client(s3, operator))];
  const put = (Key: string) => new PutObjectCommand({ Bucket: 'files', Key, Body: 'x' });
  const get = (Key: string) => new GetObjectCommand({ Bucket: 'files', Key });
  const list = (Prefix: string) => new ListObjectsV2Command({ Bucket: 'files', Prefix });
  const forbidden = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };

  await asOperator.send(put('inbox/1/body'));
  await asStep.send(put('runs/1/part'));
  await asStep.send(get('inbox/1/body'));
  await expect(asStep.send(put('inbox/2/body'))).rejects.toMatchObject(forbidden);
  await expect(asStep.send(get('runs/1/missing'))).rejects.toMatchObject(forbidden);
  await expect(asOperator.send(get('runs/1/missing'))).rejects.toMatchObject({ name: 'NoSuchKey' });
  expect((await asStep.send(list('runs/1/'))).KeyCount).toBe(1);
  await expect(asStep.send(list('inbox/'))).rejects.toMatchObject(forbidden);
});

it('DynamoDB refuses an action on the table, and the key that encrypts it', async () => {
  const arnPrefix = `arn:aws:dynamodb:${at}:table/`;
  const dynamoDb = await started(startDynamoDb({ credentials, guard: { ...guard, arnPrefix } }));
  const asStep = new DynamoDBClient(client(dynamoDb));
  const refusedFor = (what: string) => ({ name: 'AccessDeniedException', message: expect.stringContaining(what) });

  await expect(asStep.send(new ScanCommand({ TableName: 'ledger' }))).rejects.toMatchObject(
    refusedFor('dynamodb:Scan'),
  );
  await expect(asStep.send(new GetItemCommand({ TableName: 'ledger', Key: { pk: { S: '1' } } }))).rejects.toMatchObject(
    refusedFor('kms:Decrypt'),
  );
  await expect(
    new DynamoDBClient(client(dynamoDb, operator)).send(new ScanCommand({ TableName: 'ledger' })),
  ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

it('Secrets Manager refuses a secret, or one whose key may not be used', async () => {
  const secrets = new Map([['mesh', 'x']]);
  const open = async (keyOf: string) => {
    const standIn = await started(startSecretsManager({ secrets, credentials, guard: { authorize, keyArn: keyOf } }));
    return (SecretId: string, identity = step) =>
      new SecretsManagerClient(client(standIn, identity)).send(new GetSecretValueCommand({ SecretId }));
  };
  const read = await open(keyArn);
  const forbidden = { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } };
  await expect(read(secretId.replace('mesh', 'other'))).rejects.toMatchObject(forbidden);
  await expect(read(secretId)).rejects.toMatchObject({ ...forbidden, message: expect.stringContaining('kms:Decrypt') });
  expect((await read(secretId, operator)).SecretString).toBe('x');
});

it('SNS refuses to publish to a topic whose key may not be used', async () => {
  const sns = await started(startSns({ topicArns: [topicArn], credentials, guard, onPublish: () => undefined }));
  const publish = (identity: typeof step) =>
    new SNSClient(client(sns, identity)).send(new PublishCommand({ TopicArn: topicArn, Message: 'x' }));
  await expect(publish(step)).rejects.toMatchObject({
    name: 'AuthorizationErrorException',
    $metadata: { httpStatusCode: 403 },
  });
  await publish(operator);
});

it('Step Functions answers the operator alone', async () => {
  const states = await started(
    startStepFunctions({
      stateMachines: [],
      invokeLambda: () => Promise.resolve({ payload: {} }),
      waitScale: 1,
      retryScale: 1,
      credentials,
      authorize,
    }),
  );
  const list = (identity: typeof step) => new SFNClient(client(states, identity)).send(new ListStateMachinesCommand());
  await expect(list(step)).rejects.toMatchObject({ name: 'AccessDeniedException' });
  await list(operator);
});

it('HealthLake refuses a call, single entries of a Bundle, an action of its own, and a role that may not be passed', async () => {
  healthLake = await started(
    startHealthLake({ datastoreId: 'a'.repeat(32), credentials, guard: { authorize, datastoreArn } }),
  );
  const storeOf = (identity: typeof step) =>
    new FhirStore({
      baseUrl: healthLake.baseUrl,
      region: 'eu-west-2',
      credentials: identity,
      sleep: () => Promise.resolve(),
    });
  const [asStep, asOperator] = [storeOf(step), storeOf(operator)];
  const bundle = (store: FhirStore, ...requests: readonly (readonly [method: string, id: string])[]) =>
    store.call({
      url: new URL(healthLake.baseUrl),
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({
        resourceType: 'Bundle',
        type: 'batch',
        entry: requests.map(([method, id]) => ({
          ...(method === 'PUT' && { resource: consent(id) }),
          request: { method, url: `Consent/${id}` },
        })),
      }),
    });
  const answered = (...status: readonly string[]) => ({
    entry: status.map((each) => ({ response: expect.objectContaining({ status: each }) })),
  });

  expect(await bundle(asOperator, ['PUT', 'one'])).toMatchObject(answered('201'));
  expect(await bundle(asStep, ['PUT', 'one'], ['PUT', 'two'], ['GET', 'one'], ['DELETE', 'one'])).toMatchObject(
    answered('200', '403', '200', '403'),
  );
  const forbidden = { name: 'HealthLakeForbidden' };
  const search = () => asStep.call({ url: new URL('Consent?_count=1', healthLake.baseUrl) });
  await expect(search()).rejects.toMatchObject(forbidden);
  await expect(describeImport(asStep, 'b'.repeat(32))).rejects.toMatchObject(forbidden);
  const places = { roleArn, inputUri: 's3://files/in/', outputUri: 's3://files/out/', kmsKeyId: keyArn };
  await expect(startImport(asStep, 'name', places, () => Promise.resolve())).rejects.toMatchObject(forbidden);
});
