import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { z } from 'zod';
import { FhirStore, type FhirStoreOptions } from '../shared/fhir/store.ts';
import { Files } from '../shared/files.ts';
import { parseJson } from '../shared/json.ts';
import { LatestSnapshot } from '../shared/ledger/latest.ts';
import { MailboxLedger } from '../shared/ledger/mailbox-ledger.ts';
import { LedgerTable } from '../shared/ledger/table.ts';
import { Parts } from '../shared/ledger/parts.ts';
import { Runs } from '../shared/ledger/runs.ts';
import { UsageError } from '../shared/command-line.ts';
import { callerArn } from './caller.ts';
import type { Stores } from './check-store.ts';

/** One environment's pipeline, as the operator's command sees it. */
export interface Target {
  readonly stateMachineArn: string;
  readonly drainStateMachineArn: string;
  readonly runs: Runs;
  readonly parts: Parts;
  readonly latest: LatestSnapshot;
  readonly mailbox: MailboxLedger;
  readonly files: Files;
  readonly sfn: SFNClient;
  /** Opened when asked for: a store of another region is refused then. */
  readonly openStores: () => Stores;
  /** Days after which an answer says nothing any more. */
  readonly maxAgeDays: number;
  /** Who answers for what is asked here, as it goes into a report. */
  readonly caller: () => Promise<string>;
}

const region = 'eu-west-2';
const servedFile = join(import.meta.dirname, '..', '.local', 'served.json');

const served = z.object({
  endpoints: z.record(z.string(), z.string()),
  operator: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
  bucket: z.string(),
  table: z.string(),
  stateMachineArn: z.string(),
  drainStateMachineArn: z.string(),
  mailboxId: z.string(),
  fhirNamespace: z.string(),
  maxAgeDays: z.number(),
});

/**
 * Finds an environment: what `npm run local -- --serve` serves, or what is deployed in the account that the AWS
 * credentials at hand belong to.
 *
 * @param name `local`, the name of a deployed environment, or nothing for what is served
 * @throws UsageError where there is none
 */
export async function openTarget(name: string | undefined): Promise<Target> {
  return name === undefined || name === 'local' ? openServed(name) : openDeployed(name);
}

async function openServed(name: string | undefined): Promise<Target> {
  const text = await readFile(servedFile, 'utf8').catch(() => '');
  const found = served.safeParse(parseJson(text));
  if (!found.success) {
    throw new UsageError(
      name === undefined
        ? 'Nothing is served locally: name a deployed environment with --env, or start npm run local -- --serve'
        : 'Nothing is served locally: start npm run local -- --serve first',
    );
  }
  const { endpoints, operator, fhirNamespace, ...names } = found.data;
  const at = (service: string) => ({
    region,
    credentials: operator,
    endpoint: endpoints[`AWS_ENDPOINT_URL_${service}`] ?? '',
  });
  const fhir = {
    baseUrl: endpoints.HEALTHLAKE ?? '',
    consentBaseUrl: endpoints.HEALTHLAKE_CONSENTS ?? '',
    namespace: fhirNamespace,
  };
  return targetOf(
    { ...names, fhir },
    {
      s3: new S3Client(at('S3')),
      dynamoDb: new DynamoDBClient(at('DYNAMODB')),
      sfn: new SFNClient(at('SFN')),
    },
    () => Promise.resolve(userInfo().username),
    { credentials: operator },
  );
}

function describe(stackName: string) {
  return new CloudFormationClient({ region }).send(new DescribeStacksCommand({ StackName: stackName }));
}

async function openDeployed(name: string): Promise<Target> {
  const stackName = `${name}-pipeline`;
  const { Stacks = [] } = await describe(stackName).catch((error: unknown) => {
    const { name: kind, message } = error instanceof Error ? error : { name: '', message: '' };
    if (kind === 'CredentialsProviderError') {
      throw new UsageError('There are no AWS credentials: sign in, or name a profile in AWS_PROFILE', { cause: error });
    }
    if (kind !== 'ValidationError' || !message.includes('does not exist')) throw error;
    throw new UsageError(`--env ${name}: the account that these credentials are of has no stack ${stackName}`, {
      cause: error,
    });
  });
  const outputs = new Map((Stacks[0]?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));
  const output = (key: string) => {
    const value = outputs.get(key);
    if (value === undefined) throw new UsageError(`--env ${name}: the stack ${stackName} has no output ${key}`);
    return value;
  };
  return targetOf(
    {
      bucket: output('Bucket'),
      table: output('Ledger'),
      stateMachineArn: output('StateMachineArn'),
      drainStateMachineArn: output('DrainStateMachineArn'),
      mailboxId: output('Mailbox'),
      fhir: {
        baseUrl: output('FhirBaseUrl'),
        consentBaseUrl: output('ConsentBaseUrl'),
        namespace: output('FhirNamespace'),
      },
      maxAgeDays: Number(output('MaxAgeDays')),
    },
    { s3: new S3Client({ region }), dynamoDb: new DynamoDBClient({ region }), sfn: new SFNClient({ region }) },
    // Never the name that the machine at hand knows somebody by: whoever owns the machine chooses it.
    () => callerArn(),
  );
}

interface Names {
  readonly bucket: string;
  readonly table: string;
  readonly stateMachineArn: string;
  readonly drainStateMachineArn: string;
  readonly mailboxId: string;
  readonly fhir: { readonly baseUrl: string; readonly consentBaseUrl: string; readonly namespace: string };
  readonly maxAgeDays: number;
}

interface Clients {
  readonly s3: S3Client;
  readonly dynamoDb: DynamoDBClient;
  readonly sfn: SFNClient;
}

function targetOf(
  { bucket, table, mailboxId, fhir, ...others }: Names,
  { s3, dynamoDb, sfn }: Clients,
  caller: Target['caller'],
  signer: Pick<FhirStoreOptions, 'credentials'> = {},
): Target {
  const ledger = new LedgerTable(dynamoDb, table);
  return {
    ...others,
    runs: new Runs(ledger),
    parts: new Parts(ledger),
    latest: new LatestSnapshot(ledger),
    mailbox: new MailboxLedger(ledger, mailboxId),
    files: new Files(s3, bucket),
    sfn,
    caller,
    openStores: () => ({
      patients: new FhirStore({ ...signer, baseUrl: fhir.baseUrl, region }),
      consents: new FhirStore({ ...signer, baseUrl: fhir.consentBaseUrl, region }),
      namespace: fhir.namespace,
    }),
  };
}
