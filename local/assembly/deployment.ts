import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { readRoles, type Role } from '../iam/roles.ts';
import type { LambdaFunction } from '../lambda/lambda-function.ts';
import { readHttpApi, type DeployedHttpApi } from './http-api.ts';
import { parseTemplate, TemplateResolver, type ResolvedResource } from './template.ts';

/** What `cdk deploy` would have made of the local environment. */
export interface Deployment {
  readonly bucket: string;
  /** Encrypts the bucket, and all else that is kept. */
  readonly keyArn: string;
  readonly table: string;
  readonly tableArn: string;
  readonly meshSecret: string;
  readonly idKey: string;
  readonly topicArn: string;
  readonly functions: readonly DeployedFunction[];
  /** Those that a function or HealthLake takes on. */
  readonly roles: readonly Role[];
  readonly stateMachine: DeployedStateMachine;
  readonly drainStateMachine: DeployedStateMachine;
  /** Of the NOOM API, where the environment has it. */
  readonly httpApi: DeployedHttpApi | undefined;
}

export interface DeployedFunction extends LambdaFunction {
  readonly roleArn: string;
  readonly logGroup: string;
  readonly isTraced: boolean;
}

export interface DeployedStateMachine {
  readonly arn: string;
  readonly name: string;
  readonly definition: unknown;
}

export const place = { account: '000000000000', region: 'eu-west-2' } as const;

const manifest = z.looseObject({
  artifacts: z.record(
    z.string(),
    z.looseObject({
      type: z.string(),
      properties: z.looseObject({ templateFile: z.string().optional(), stackName: z.string().optional() }).optional(),
    }),
  ),
});

const functionProperties = z.looseObject({
  Handler: z.string(),
  MemorySize: z.number(),
  Timeout: z.number(),
  Role: z.string(),
  LoggingConfig: z.looseObject({ LogGroup: z.string() }),
  TracingConfig: z.looseObject({ Mode: z.string() }).optional(),
  Environment: z.looseObject({ Variables: z.record(z.string(), z.string()) }),
});
const functionMetadata = z.looseObject({ 'aws:asset:path': z.string() });

const encryptedBucket = z.looseObject({
  BucketEncryption: z.looseObject({
    ServerSideEncryptionConfiguration: z.tuple([
      z.looseObject({ ServerSideEncryptionByDefault: z.looseObject({ KMSMasterKeyID: z.string() }) }),
    ]),
  }),
});

/** Reads the local environment's stacks out of a cloud assembly. */
export async function readDeployment(assembly: string): Promise<Deployment> {
  const stage = (await readdir(assembly)).find((name) => name === 'assembly-local');
  if (stage === undefined) throw new Error(`${assembly} holds no local environment`);
  const directory = join(assembly, stage);
  const { artifacts } = manifest.parse(JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')));
  const stacks = await Promise.all(
    Object.values(artifacts).flatMap(({ type, properties }) =>
      type === 'aws:cloudformation:stack' && properties?.templateFile !== undefined
        ? [
            readFile(join(directory, properties.templateFile), 'utf8').then((text) =>
              parseTemplate(properties.stackName ?? '', text),
            ),
          ]
        : [],
    ),
  );
  const resolver = new TemplateResolver(stacks, place);
  const stateMachine = (construct: string): DeployedStateMachine => {
    const all = resolver.resources('AWS::StepFunctions::StateMachine');
    const { arn, name, properties } = only(all.filter((found) => found.name.startsWith(construct)));
    return { arn, name, definition: JSON.parse(z.string().parse(properties.DefinitionString)) };
  };
  const secret = (part: string) =>
    only(resolver.resources('AWS::SecretsManager::Secret').filter(({ name }) => name.startsWith(part))).name;
  const bucket = only(resolver.resources('AWS::S3::Bucket').filter(({ name }) => name.startsWith('files')));
  const [encryption] = encryptedBucket.parse(bucket.properties).BucketEncryption.ServerSideEncryptionConfiguration;
  const table = only(resolver.resources('AWS::DynamoDB::GlobalTable'));
  const functions = resolver.resources('AWS::Lambda::Function').map((found) => lambdaFunction(found, directory));
  const passedRoles = functions.flatMap(({ environment: { EXPORT_ROLE, IMPORT_ROLE } }) => [EXPORT_ROLE, IMPORT_ROLE]);
  const roleArns = [...functions.map(({ roleArn }) => roleArn), ...passedRoles.filter((arn) => arn !== undefined)];
  return {
    bucket: bucket.name,
    keyArn: encryption.ServerSideEncryptionByDefault.KMSMasterKeyID,
    table: table.name,
    tableArn: table.arn,
    meshSecret: secret('MeshSecret'),
    idKey: secret('IdKey'),
    topicArn: only(resolver.resources('AWS::SNS::Topic')).arn,
    functions,
    roles: readRoles(resolver, roleArns),
    stateMachine: stateMachine('RefreshConsents'),
    drainStateMachine: stateMachine('DrainMailbox'),
    httpApi: readHttpApi(resolver, place),
  };
}

function lambdaFunction({ name, arn, properties, metadata }: ResolvedResource, directory: string): DeployedFunction {
  const { Handler, MemorySize, Timeout, Environment, Role, LoggingConfig, TracingConfig } =
    functionProperties.parse(properties);
  return {
    name,
    arn,
    codeDirectory: resolve(directory, functionMetadata.parse(metadata)['aws:asset:path']),
    handler: Handler,
    environment: Environment.Variables,
    memorySize: MemorySize,
    timeoutSeconds: Timeout,
    roleArn: Role,
    logGroup: LoggingConfig.LogGroup,
    isTraced: TracingConfig?.Mode === 'Active',
  };
}

function only(resources: readonly ResolvedResource[]): ResolvedResource {
  const [resource, ...others] = resources;
  if (!resource || others.length > 0) throw new Error(`Expected one resource, found ${resources.length}`);
  return resource;
}
