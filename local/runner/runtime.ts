import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
} from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { z } from 'zod';
import { ledgerKeys, type Setting } from '../../shared/contract.ts';
import { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { LedgerTable } from '../../shared/ledger/table.ts';
import { place, type Deployment } from '../assembly/deployment.ts';
import { startDynamoDb } from '../dynamodb/start-dynamodb.ts';
import { startHealthLake, type HealthLake } from '../healthlake/healthlake.ts';
import { s3ImportRights } from '../healthlake/s3-import-rights.ts';
import { startHttpApi } from '../http-api/start-http-api.ts';
import { Access, refusalOf, type Authorize, type Decision } from '../iam/access.ts';
import type { Asked } from '../iam/evaluate.ts';
import type { Role } from '../iam/roles.ts';
import { createLambdaHost, type LambdaHost } from '../lambda/lambda-host.ts';
import type { LogLine } from '../lambda/lambda-host.ts';
import { makeCertificates, type Certificates } from '../mesh/certificates.ts';
import { startMesh, type MeshStandIn } from '../mesh/mesh.ts';
import type { MeshRequest } from '../mesh/request-log.ts';
import { startS3, type S3StandIn } from '../s3/start-s3.ts';
import { startSecretsManager } from '../secrets-manager/start-secrets-manager.ts';
import { startSns, type Notification } from '../sns/start-sns.ts';
import type { StandIn } from '../stand-in.ts';
import { startStepFunctions, type StepFunctionsStandIn } from '../step-functions/step-functions.ts';

export interface RuntimeOptions {
  readonly deployment: Deployment;
  /** Where the stand-ins keep what they hold. */
  readonly directory: string;
  readonly settings: Partial<Record<Setting, string>>;
  readonly waitScale: number;
  readonly meshPort: number;
  /** MESH demands client certificates, made for this start. */
  readonly isMutualTls: boolean;
  /** The Consents live in a data store of their own. */
  readonly hasSeparateStore: boolean;
  readonly onLog: (line: LogLine) => void;
  readonly onMeshRequest: (request: MeshRequest) => void;
  readonly onNotification: (notification: Notification) => void;
  /** Told what each role asked for, and what allowed it. */
  readonly onDecision?: (decision: Decision) => void;
  /** The first answer to a write of each kind of file is lost, so that its step looks at what stands there. */
  readonly losesFirstAnswers?: boolean;
}

/** Who a caller outside the functions signs as: the runner itself and the operator's command. */
export interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Everything that a run needs, up and answering on 127.0.0.1. */
export interface Runtime {
  readonly deployment: Deployment;
  readonly mesh: MeshStandIn;
  readonly s3: S3StandIn;
  /** The data store of the Patients. */
  readonly healthLake: HealthLake;
  /** The data store of the Consents: the same, unless they have one of their own. */
  readonly consentStore: HealthLake;
  readonly stepFunctions: StepFunctionsStandIn;
  readonly lambda: LambdaHost;
  /** Where the NOOM API answers whoever signs as the operator, for the service `execute-api`; without a slash at its end. */
  readonly noomUrl: string | undefined;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly operator: Identity;
  readonly clients: { readonly s3: S3Client; readonly dynamoDb: DynamoDBClient; readonly sfn: SFNClient };
  /** Key of the Consent ids, and of what else is derived from a person here. */
  readonly idKey: string;
  /** Calls it with the name of the step before each invocation from now on, which waits for it. */
  beforeInvocation(listener: (step: string) => Promise<void>): void;
  close(): Promise<void>;
}

/** Mailboxes of the local MESH: ours, the national service's, and one of somebody else. */
const foreignMailbox = 'RZZ99OT002';
const datastoreId = '0123456789abcdef0123456789abcdef';
/** As the templates name whatever data store there is: where the Consents have one of their own, both. */
const datastoreArn = `arn:aws:healthlake:${place.region}:${place.account}:datastore/fhir/local`;
const consentDatastoreId = 'fedcba9876543210fedcba9876543210';

const keptSecrets = z.object({ idKey: z.string(), password: z.string(), sharedKey: z.string() });

/** Starts every stand-in and wires the functions of a deployment to them. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { deployment, directory } = options;
  await mkdir(directory, { recursive: true });
  const secrets = await readSecrets(join(directory, 'secrets.json'));
  const operator: Identity = { accessKeyId: 'LOCALOPERATOR', secretAccessKey: randomBytes(20).toString('hex') };
  const identities = new Map(deployment.functions.map(({ name }) => [name, functionIdentity(name)]));
  const exportRole = functionIdentity('HealthLakeExportRole');
  const importRole = functionIdentity('HealthLakeImportRole');
  const credentials = new Map(
    [operator, exportRole, importRole, ...identities.values()].map(({ accessKeyId, secretAccessKey }) => [
      accessKeyId,
      secretAccessKey,
    ]),
  );

  const { authorize } = new Access(
    rolesTaken(deployment, identities, {
      [exportRoleOf(deployment)]: exportRole,
      [importRoleOf(deployment)]: importRole,
    }),
    operator.accessKeyId,
    options.onDecision,
  );
  requireLogs(deployment, identities, authorize);
  const { keyArn } = deployment;
  const mayLookAt =
    ({ accessKeyId }: Identity) =>
    (bucket: string, kmsKeyId: string) =>
      authorize(accessKeyId, ...jobLooksAt(bucket, kmsKeyId)) === undefined;

  const standIns: StandIn[] = [];
  const started = async <Kind extends StandIn>(starting: Promise<Kind>): Promise<Kind> => {
    const standIn = await starting;
    standIns.push(standIn);
    return standIn;
  };
  const closeStandIns = async () => {
    await Promise.all(standIns.map((standIn) => standIn.close()));
  };
  try {
    const mailboxId = mailboxOf(deployment);
    const certificates = options.isMutualTls ? await makeCertificates() : undefined;
    const mesh = await started(
      startMesh({
        ...(certificates ? { tls: { ...certificates.server, clientCa: certificates.caBundle } } : {}),
        mailboxes: [mailboxId, ndopMailboxOf(deployment), foreignMailbox].map((id) => ({
          mailboxId: id,
          password: secrets.password,
        })),
        sharedKey: secrets.sharedKey,
        port: options.meshPort,
        directory: join(directory, 'mesh'),
        onRequest: options.onMeshRequest,
      }),
    );
    const s3 = await started(
      startS3({
        directory: join(directory, 's3'),
        buckets: [deployment.bucket],
        credentials,
        guard: { authorize, keyArn },
        losesFirstAnswers: options.losesFirstAnswers ?? false,
      }),
    );
    const dynamoDb = await started(
      startDynamoDb({
        directory: join(directory, 'dynamodb'),
        credentials,
        guard: { authorize, keyArn, arnPrefix: deployment.tableArn.slice(0, -deployment.table.length) },
      }),
    );
    const asExportRole = new S3Client({ region: place.region, endpoint: s3.url, credentials: exportRole });
    const imports = s3ImportRights(
      new S3Client({ region: place.region, endpoint: s3.url, credentials: importRole }),
      importRoleOf(deployment),
      mayLookAt(importRole),
    );
    const guard = { authorize, datastoreArn };
    const healthLake = await started(
      startHealthLake({
        file: join(directory, 'healthlake.sqlite'),
        datastoreId,
        credentials,
        guard,
        exports: {
          roleArn: exportRoleOf(deployment),
          mayLookAt: mayLookAt(exportRole),
          put: (Bucket, Key, Body) => asExportRole.send(new PutObjectCommand({ Bucket, Key, Body })),
        },
        imports,
      }),
    );
    const consentStore = options.hasSeparateStore
      ? await started(
          startHealthLake({
            file: join(directory, 'healthlake-consents.sqlite'),
            datastoreId: consentDatastoreId,
            credentials,
            guard,
            imports,
          }),
        )
      : healthLake;
    const secretsManager = await started(
      startSecretsManager({
        secrets: new Map([
          [deployment.idKey, secrets.idKey],
          [deployment.meshSecret, JSON.stringify(meshSecret(secrets, certificates))],
        ]),
        credentials,
        guard: { authorize, keyArn },
      }),
    );
    const sns = await started(
      startSns({
        topicArns: [deployment.topicArn],
        credentials,
        guard: { authorize, keyArn },
        onPublish: options.onNotification,
      }),
    );
    const endpoints = {
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
      AWS_ENDPOINT_URL_SNS: sns.url,
    };
    const lambda = createLambdaHost({
      functions: deployment.functions.map((found) => ({
        ...found,
        environment: {
          ...found.environment,
          ...endpoints,
          ...credentialsOf(identities.get(found.name) ?? operator),
          ...onlyWhereSet(found.environment, {
            ...options.settings,
            CONSENT_BASE_URL: consentStore.baseUrl,
            FHIR_BASE_URL: healthLake.baseUrl,
            MESH_BASE_URL: mesh.url,
          }),
        },
      })),
      onLog: options.onLog,
    });
    let beforeInvocation: (step: string) => Promise<void> = () => Promise.resolve();
    const stepFunctions = await started(
      startStepFunctions({
        stateMachines: [deployment.stateMachine, deployment.drainStateMachine],
        invokeLambda: async (functionArn, payload, invocation) => {
          await beforeInvocation(stepOf(deployment, functionArn));
          return lambda.invoke(functionArn, payload, invocation);
        },
        waitScale: options.waitScale,
        retryScale: 0.01,
        credentials,
        authorize,
      }),
    );
    const noom = deployment.httpApi
      ? await started(
          startHttpApi({
            api: deployment.httpApi,
            credentials,
            authorize,
            invokeLambda: (functionArn, payload, invocation) => lambda.invoke(functionArn, payload, invocation),
            onLog: options.onLog,
          }),
        )
      : undefined;
    const clientOptions = { region: place.region, credentials: operator };
    const dynamoDbClient = new DynamoDBClient({ ...clientOptions, endpoint: dynamoDb.url });
    await createLedger(dynamoDbClient, deployment.table);
    await freeMailbox(new MailboxLedger(new LedgerTable(dynamoDbClient, deployment.table), mailboxId));
    return {
      deployment,
      mesh,
      s3,
      healthLake,
      consentStore,
      stepFunctions,
      lambda,
      noomUrl: noom?.url,
      endpoints: {
        ...endpoints,
        AWS_ENDPOINT_URL_SFN: stepFunctions.url,
        MESH: mesh.url,
        HEALTHLAKE: healthLake.baseUrl,
        HEALTHLAKE_CONSENTS: consentStore.baseUrl,
        ...(noom ? { NOOM: noom.url } : {}),
      },
      operator,
      clients: {
        s3: new S3Client({ ...clientOptions, endpoint: s3.url }),
        dynamoDb: dynamoDbClient,
        sfn: new SFNClient({ ...clientOptions, endpoint: stepFunctions.url }),
      },
      idKey: secrets.idKey,
      beforeInvocation: (listener) => {
        beforeInvocation = listener;
      },
      close: async () => {
        await lambda.close();
        await closeStandIns();
      },
    };
  } catch (error) {
    await closeStandIns();
    throw error;
  }
}

function meshSecret({ password, sharedKey }: z.infer<typeof keptSecrets>, certificates: Certificates | undefined) {
  if (!certificates) return { password, sharedKey };
  const { caBundle, client } = certificates;
  return { password, sharedKey, clientCertificate: client.certificate, clientKey: client.key, caBundle };
}

/** One signing identity a function, so that a stand-in can tell who asks. */
function functionIdentity(name: string): Identity {
  return { accessKeyId: `LOCAL${name.toUpperCase()}`, secretAccessKey: randomBytes(20).toString('hex') };
}

/** Which role each identity has taken on, by its access key id. */
function rolesTaken(
  deployment: Deployment,
  identities: ReadonlyMap<string, Identity>,
  passed: Readonly<Record<string, Identity>>,
): Map<string, Role> {
  const roleOf = (arn: string) => deployment.roles.find((role) => role.arn === arn);
  const taken = new Map<string, Role>();
  for (const { name, roleArn } of deployment.functions) {
    const [identity, role] = [identities.get(name), roleOf(roleArn)];
    if (identity && role) taken.set(identity.accessKeyId, role);
  }
  for (const [arn, { accessKeyId }] of Object.entries(passed)) {
    const role = roleOf(arn);
    if (role) taken.set(accessKeyId, role);
  }
  return taken;
}

/**
 * Lambda writes logs and traces as the function's role; where it may not, they are lost in silence, and so this fails.
 * Sources: "Sending Lambda function logs to CloudWatch Logs" and "Visualize Lambda function invocations using AWS X-Ray",
 * AWS Lambda Developer Guide.
 */
function requireLogs({ functions }: Deployment, identities: ReadonlyMap<string, Identity>, authorize: Authorize): void {
  for (const { name, logGroup, isTraced } of functions) {
    const group = `arn:aws:logs:${place.region}:${place.account}:log-group:${logGroup}`;
    const logs = ['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) => ({
      action,
      resource: `${group}:log-stream:local`,
    }));
    const traces = ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'].map((action) => ({ action, resource: '*' }));
    const refused = authorize(identities.get(name)?.accessKeyId ?? '', ...logs, ...(isTraced ? traces : []));
    if (refused) throw new Error(`${name}: ${refusalOf(refused)}`);
  }
}

/**
 * What HealthLake looks at as the role, before it accepts a job. Source: AWS HealthLake Developer Guide, "Getting
 * started: setting up permissions for export jobs" and the same for import jobs.
 */
function jobLooksAt(bucket: string, kmsKeyId: string): Asked[] {
  const looks = ['s3:ListBucket', 's3:GetBucketPublicAccessBlock', 's3:GetEncryptionConfiguration'];
  return [
    ...looks.map((action) => ({ action, resource: `arn:aws:s3:::${bucket}` })),
    { action: 'kms:DescribeKey', resource: kmsKeyId },
  ];
}

function credentialsOf({ accessKeyId, secretAccessKey }: Identity): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: place.region };
}

/** A function is given no setting that its template does not have. */
function onlyWhereSet(
  environment: Readonly<Record<string, string>>,
  settings: Partial<Record<Setting, string>>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => name in environment));
}

/** The name of the folder that a function is made of. */
function stepOf({ functions }: Deployment, functionArn: string): string {
  const found = functions.find(({ arn }) => functionArn === arn || functionArn.startsWith(`${arn}:`));
  return found?.environment.POWERTOOLS_SERVICE_NAME ?? '';
}

export function mailboxOf({ functions }: Deployment): string {
  return functions.find(({ environment }) => environment.MAILBOX !== undefined)?.environment.MAILBOX ?? '';
}

export function namespaceOf({ functions }: Deployment): string {
  return (
    functions.find(({ environment }) => environment.FHIR_NAMESPACE !== undefined)?.environment.FHIR_NAMESPACE ?? ''
  );
}

export function maxAgeDaysOf({ functions }: Deployment): number {
  return Number(functions.find(({ environment }) => environment.MAX_AGE_DAYS !== undefined)?.environment.MAX_AGE_DAYS);
}

export function ndopMailboxOf({ functions }: Deployment): string {
  return functions.find(({ environment }) => environment.NDOP_MAILBOX !== undefined)?.environment.NDOP_MAILBOX ?? '';
}

function exportRoleOf({ functions }: Deployment): string {
  return functions.find(({ environment }) => environment.EXPORT_ROLE !== undefined)?.environment.EXPORT_ROLE ?? '';
}

function importRoleOf({ functions }: Deployment): string {
  return functions.find(({ environment }) => environment.IMPORT_ROLE !== undefined)?.environment.IMPORT_ROLE ?? '';
}

/** Made once and kept with the state: another id key would give everybody another Consent. */
async function readSecrets(file: string): Promise<z.infer<typeof keptSecrets>> {
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) return keptSecrets.parse(JSON.parse(kept));
  const made = {
    idKey: randomBytes(32).toString('hex'),
    password: randomBytes(12).toString('hex'),
    sharedKey: randomBytes(16).toString('hex'),
  };
  await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

/** Executions live in this process: whichever still held the mailbox when an earlier one was stopped is gone. */
async function freeMailbox(mailbox: MailboxLedger): Promise<void> {
  const holder = await mailbox.holder();
  if (holder) await mailbox.releaseLease(holder.execution);
}

async function createLedger(client: DynamoDBClient, tableName: string): Promise<void> {
  const { partition, sort } = ledgerKeys;
  try {
    await client.send(
      new CreateTableCommand({
        TableName: tableName,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [
          { AttributeName: partition, AttributeType: 'S' },
          { AttributeName: sort, AttributeType: 'S' },
        ],
        KeySchema: [
          { AttributeName: partition, KeyType: 'HASH' },
          { AttributeName: sort, KeyType: 'RANGE' },
        ],
      }),
    );
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
  // A table answers only some moments after it is made.
  for (;;) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
    if (Table?.TableStatus === 'ACTIVE') return;
    await pause(10);
  }
}
