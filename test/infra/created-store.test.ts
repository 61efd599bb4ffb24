import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}
interface Template {
  readonly Resources: Readonly<
    Record<
      string,
      {
        readonly Type: string;
        readonly DeletionPolicy?: string;
        readonly UpdateReplacePolicy?: string;
        readonly Properties: Readonly<Record<string, unknown>> & {
          readonly AssumeRolePolicyDocument?: { readonly Statement: readonly Statement[] };
          readonly PolicyDocument?: { readonly Statement: readonly Statement[] };
          readonly Environment?: { readonly Variables: Readonly<Record<string, unknown>> };
        };
      }
    >
  >;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

let data: Template;
let pipeline: Template;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ndop-synth-'));
  // It fails where cdk-nag finds anything that is not acknowledged.
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'created-store-app.ts')], {
    env: { ...process.env, NODE_OPTIONS: '', CDK_OUTDIR: directory },
  });
  const stage = join(directory, 'assembly-dev');
  const files = await readdir(stage);
  const read = async (stack: string) => {
    const file = files.find((name) => name.includes(stack) && name.endsWith('.template.json')) ?? '';
    return JSON.parse(await readFile(join(stage, file), 'utf8')) as Template;
  };
  [data, pipeline] = [await read('data'), await read('pipeline')];
  await rm(directory, { recursive: true });
}, 120_000);

const stores = () => Object.entries(data.Resources).filter(([, { Type }]) => Type === 'AWS::HealthLake::FHIRDatastore');
const keyId = () => Object.entries(data.Resources).find(([, { Type }]) => Type === 'AWS::KMS::Key')![0];

/** What an attribute of the data stack's is from the pipeline stack. */
function fromData(resource: string, attribute: string): unknown {
  const [name] = Object.entries(data.Outputs).find(
    ([, { Value }]) => JSON.stringify(Value) === JSON.stringify({ 'Fn::GetAtt': [resource, attribute] }),
  ) ?? ['no output'];
  return { 'Fn::GetStackOutput': { StackName: 'dev-data', Region: 'eu-west-2', OutputName: name } };
}

const storeUrl = () => fromData(stores()[0]![0], 'DatastoreEndpoint');
const storeArn = () => ({
  'Fn::Join': [
    '',
    ['arn:aws:healthlake:eu-west-2:111111111111:datastore/fhir/', fromData(stores()[0]![0], 'DatastoreId')],
  ],
});

function policies(): (readonly Statement[])[] {
  return Object.values(pipeline.Resources).flatMap(({ Properties }) =>
    Properties.PolicyDocument?.Statement ? [Properties.PolicyDocument.Statement] : [],
  );
}
const hasService = ({ Action }: Statement, service: string) =>
  [Action].flat().some((action) => action.startsWith(`${service}:`));
const keyThroughHealthLake = (statements: readonly Statement[]) =>
  statements.filter(({ Condition }) => JSON.stringify(Condition ?? {}).includes('healthlake.eu-west-2'));

describe('an environment whose FHIR store the deployment makes', () => {
  it('makes one, for FHIR R4 and SigV4, empty, and encrypted with the key of the environment', () => {
    expect(stores().map(([, { Properties }]) => Properties)).toEqual([
      {
        DatastoreName: 'ndop-dev',
        DatastoreTypeVersion: 'R4',
        IdentityProviderConfiguration: { AuthorizationStrategy: 'AWS_AUTH' },
        SseConfiguration: {
          KmsEncryptionConfig: {
            CmkType: 'CUSTOMER_MANAGED_KMS_KEY',
            KmsKeyId: { 'Fn::GetAtt': [keyId(), 'Arn'] },
          },
        },
      },
    ]);
  });

  it('keeps it whatever becomes of the stack or of the store in it', () => {
    expect(stores()[0]![1]).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
  });

  it('names it to every step and to the operator by the endpoint that HealthLake gives it', () => {
    const named = Object.values(pipeline.Resources).flatMap(({ Properties }) => {
      const { FHIR_BASE_URL, CONSENT_BASE_URL } = Properties.Environment?.Variables ?? {};
      return [FHIR_BASE_URL, CONSENT_BASE_URL].filter((value) => value !== undefined);
    });
    expect(named.length).toBeGreaterThan(10);
    const { FhirBaseUrl, ConsentBaseUrl } = pipeline.Outputs;
    for (const value of [...named, FhirBaseUrl!.Value, ConsentBaseUrl!.Value]) expect(value).toEqual(storeUrl());
  });

  it('gives rights on exactly this store', () => {
    const resources = policies()
      .flat()
      .filter((statement) => hasService(statement, 'healthlake'))
      .map(({ Resource }) => Resource);
    expect(resources.length).toBeGreaterThan(8);
    for (const resource of resources) expect(resource).toEqual(storeArn());
  });

  it('lets HealthLake take on its roles for exactly this store', () => {
    const trusts = Object.values(pipeline.Resources).flatMap(
      ({ Properties }) =>
        Properties.AssumeRolePolicyDocument?.Statement.flatMap(({ Condition }) => Condition?.ArnEquals ?? []) ?? [],
    );
    expect(trusts).toEqual(Array.from({ length: 2 }, () => ({ 'aws:SourceArn': storeArn() })));
  });

  it('lets whoever calls the store, and nobody else, use the key through HealthLake', () => {
    for (const statements of policies()) {
      const callsStore = statements.some((statement) => hasService(statement, 'healthlake'));
      expect(keyThroughHealthLake(statements)).toEqual(
        callsStore
          ? [
              {
                Action: ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey'],
                Effect: 'Allow',
                Resource: fromData(keyId(), 'Arn'),
                Condition: { StringEquals: { 'kms:ViaService': 'healthlake.eu-west-2.amazonaws.com' } },
              },
            ]
          : [],
      );
    }
  });
});
