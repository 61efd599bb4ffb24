import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, test } from '@jest/globals';

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
}
interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}
interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: object;
}

let iam: Template;
let tokens: Template;
let apart: Template;

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ndop-synth-'));
  // It fails where cdk-nag finds anything that is not acknowledged.
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'noom-app.ts')], {
    env: { ...process.env, NODE_OPTIONS: '', CDK_OUTDIR: directory },
  });
  const read = async (environment: string) => {
    const stage = join(directory, `assembly-${environment}`);
    const file = (await readdir(stage)).find((name) => /noom\w+\.template\.json$/.test(name)) ?? '';
    return JSON.parse(await readFile(join(stage, file), 'utf8')) as Template;
  };
  [iam, tokens, apart] = [await read('dev'), await read('tokens'), await read('apart')];
  await rm(directory, { recursive: true });
}, 240_000);

function all(type: string, { Resources }: Template): [name: string, properties: Resource['Properties']][] {
  return Object.entries(Resources).flatMap(([name, { Type, Properties }]) =>
    Type === type ? [[name, Properties]] : [],
  );
}
function one(type: string, template: Template): Resource['Properties'] {
  const found = all(type, template);
  expect(found).toHaveLength(1);
  return found[0]![1];
}
const api = (kind: string, template: Template) => one(`AWS::ApiGatewayV2::${kind}`, template);
const formatOf = (template: Template) =>
  (api('Stage', template).AccessLogSettings as { readonly Format: string }).Format;

describe('the HTTP API', () => {
  it('has one route, for whatever is called, and IAM guards it', () => {
    const [[integration] = ['']] = all('AWS::ApiGatewayV2::Integration', iam);
    expect(api('Route', iam)).toMatchObject({
      RouteKey: '$default',
      AuthorizationType: 'AWS_IAM',
      Target: { 'Fn::Join': ['', ['integrations/', { Ref: integration }]] },
    });
    expect(all('AWS::ApiGatewayV2::Authorizer', iam)).toEqual([]);
  });

  it('is guarded by tokens of an issuer, an audience and a scope where the environment says so', () => {
    const [[authorizer] = ['']] = all('AWS::ApiGatewayV2::Authorizer', tokens);
    expect(api('Authorizer', tokens)).toMatchObject({
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Audience: ['noom'], Issuer: 'https://login.trust.nhs.uk' },
    });
    expect(api('Route', tokens)).toMatchObject({
      RouteKey: '$default',
      AuthorizationType: 'JWT',
      AuthorizationScopes: ['noom/call'],
      AuthorizerId: { Ref: authorizer },
    });
  });

  it('calls the live alias of a published version, in payload format 2.0, and it alone may', () => {
    const [[alias, live] = ['', undefined]] = all('AWS::Lambda::Alias', iam);
    const [[version] = ['']] = all('AWS::Lambda::Version', iam);
    expect(live).toMatchObject({ Name: 'live', FunctionVersion: { 'Fn::GetAtt': [version, 'Version'] } });
    expect(iam.Resources[version]).toMatchObject({ UpdateReplacePolicy: 'Retain' });
    expect(api('Integration', iam)).toMatchObject({
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: { Ref: alias },
      PayloadFormatVersion: '2.0',
      TimeoutInMillis: 29_000,
    });
    const [[id] = ['']] = all('AWS::ApiGatewayV2::Api', iam);
    expect(one('AWS::Lambda::Permission', iam)).toEqual({
      Action: 'lambda:InvokeFunction',
      FunctionName: { Ref: alias },
      Principal: 'apigateway.amazonaws.com',
      SourceArn: { 'Fn::Join': ['', ['arn:aws:execute-api:eu-west-2:111111111111:', { Ref: id }, '/*/*']] },
    });
    // The function ends before the API gives up on it.
    expect(one('AWS::Lambda::Function', iam).Timeout).toBeLessThan(29);
  });

  it('lets as many calls through as the environment says, and answers no browser', () => {
    expect(api('Stage', iam)).toMatchObject({
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 7, ThrottlingBurstLimit: 9 },
    });
    expect(api('Api', iam)).not.toHaveProperty('CorsConfiguration');
  });

  it('is open at the address that API Gateway gives it unless the environment closes that', () => {
    expect(api('Api', iam).DisableExecuteApiEndpoint).toBe(false);
    expect(api('Api', tokens).DisableExecuteApiEndpoint).toBe(true);
    expect(JSON.stringify(iam.Outputs.Url?.Value)).toContain('.execute-api.eu-west-2.');
    expect(tokens.Outputs.Url?.Value).toBe('https://noom.trust.nhs.uk');
  });
});

describe('the access log', () => {
  it('says who called how and what came of it, and nothing that a person could be found by', () => {
    const common = {
      requestId: '$context.requestId',
      time: '$context.requestTime',
      routeKey: '$context.routeKey',
      method: '$context.httpMethod',
      status: '$context.status',
      latency: '$context.responseLatency',
      integrationLatency: '$context.integrationLatency',
      responseLength: '$context.responseLength',
      integrationError: '$context.integrationErrorMessage',
    };
    expect(JSON.parse(formatOf(iam))).toEqual({ ...common, caller: '$context.identity.userArn' });
    expect(JSON.parse(formatOf(tokens))).toEqual({ ...common, caller: '$context.authorizer.claims.client_id' });
  });

  test.each(['path', 'query', 'sourceIp', 'sub', 'userAgent', 'requestTimeEpoch', 'protocol'])(
    'never has %s',
    (part) => {
      for (const template of [iam, tokens]) expect(formatOf(template).toLowerCase()).not.toContain(part.toLowerCase());
    },
  );

  it('is encrypted, masked and deleted as all logs are, and so is the function’s', () => {
    const logs = all('AWS::Logs::LogGroup', iam);
    expect(logs).toHaveLength(2);
    for (const [, log] of logs) {
      expect(log.RetentionInDays).toBe(90);
      expect(JSON.stringify(log.KmsKeyId)).toContain('dev-data');
      expect(JSON.stringify(log.DataProtectionPolicy)).toMatch(/NhsNumber-GB.*TenDigits/);
    }
    const { DestinationArn } = api('Stage', iam).AccessLogSettings as { readonly DestinationArn: unknown };
    expect(DestinationArn).toEqual({ 'Fn::GetAtt': [expect.stringContaining('AccessLog'), 'Arn'] });
  });
});

describe('the function', () => {
  const ofData = (part: string) => ({
    'Fn::GetStackOutput': expect.objectContaining({ StackName: 'dev-data', OutputName: expect.stringContaining(part) }),
  });
  const viaService = (service: string) => ({
    StringEquals: { 'kms:ViaService': `${service}.eu-west-2.amazonaws.com` },
  });
  const statementsOf = (template: Template) =>
    (one('AWS::IAM::Policy', template).PolicyDocument as { readonly Statement: readonly Statement[] }).Statement;
  const onConsents = [
    'healthlake:CreateResource',
    'healthlake:GetHistoryByResourceId',
    'healthlake:ProcessBundle',
    'healthlake:ReadResource',
    'healthlake:UpdateResource',
    'healthlake:VersionReadResource',
  ];

  it('has exactly the rights that its calls take', () => {
    expect(statementsOf(iam)).toEqual([
      { Effect: 'Allow', Action: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], Resource: '*' },
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: { 'Fn::GetAtt': [expect.stringContaining('NoomLog'), 'Arn'] },
      },
      { Effect: 'Allow', Action: 'dynamodb:PutItem', Resource: ofData('Ledger') },
      { Effect: 'Allow', Action: 'kms:Decrypt', Resource: ofData('Key'), Condition: viaService('dynamodb') },
      { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: ofData('IdKey') },
      { Effect: 'Allow', Action: 'kms:Decrypt', Resource: ofData('Key'), Condition: viaService('secretsmanager') },
      {
        Effect: 'Allow',
        Action: [...onConsents, 'healthlake:SearchWithPost'].sort(),
        Resource: `arn:aws:healthlake:eu-west-2:111111111111:datastore/fhir/${'0'.repeat(32)}`,
      },
    ]);
  });

  it('looks for no Patient where the Consents have a store of their own', () => {
    const onStores = statementsOf(apart).filter(({ Action }) => JSON.stringify(Action).includes('healthlake:'));
    expect(onStores).toEqual([
      {
        Effect: 'Allow',
        Action: onConsents,
        Resource: 'arn:aws:healthlake:eu-west-2:111111111111:datastore/fhir/consents',
      },
    ]);
  });

  it('is told where the stores are, and what the API is called where it has a name of its own', () => {
    const settingsOf = (template: Template) =>
      (one('AWS::Lambda::Function', template).Environment as { readonly Variables: Record<string, unknown> }).Variables;
    const { NOOM_BASE_URL, ...others } = settingsOf(tokens);
    expect(NOOM_BASE_URL).toBe('https://noom.trust.nhs.uk');
    expect(Object.keys(others).sort()).toEqual(Object.keys(settingsOf(iam)).sort());
    expect(Object.keys(others).sort()).toEqual([
      'CONSENT_BASE_URL',
      'FHIR_BASE_URL',
      'FHIR_NAMESPACE',
      'ID_KEY_SECRET',
      'LEDGER_TABLE',
      'NHS_NUMBER_RANGES',
      'NODE_OPTIONS',
      'PATIENT_REFERENCE',
      'POWERTOOLS_SERVICE_NAME',
    ]);
    expect(settingsOf(apart)).toMatchObject({
      CONSENT_BASE_URL: expect.stringContaining('/datastore/consents/'),
      FHIR_BASE_URL: expect.stringContaining('/datastore/000'),
      PATIENT_REFERENCE: 'logical',
    });
  });
});
