import {
  GetSecretValueCommand,
  ListSecretsCommand,
  SecretsManagerClient,
  type GetSecretValueCommandInput,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, it, test } from '@jest/globals';
import { startSecretsManager } from '../../../local/secrets-manager/start-secrets-manager.ts';
import type { StandIn } from '../../../local/stand-in.ts';

const secrets = new Map([
  ['ndop/local/mesh', '{"password":"p"}'],
  ['ndop/local/id-key', 'abc'],
]);
let standIn: StandIn;
const clients: SecretsManagerClient[] = [];

beforeAll(async () => {
  standIn = await startSecretsManager({ secrets, credentials: new Map([['AKIDLOCAL', 'secret']]) });
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await standIn.close();
});

function client(secretAccessKey = 'secret'): SecretsManagerClient {
  const made = new SecretsManagerClient({
    endpoint: standIn.url,
    region: 'eu-west-2',
    credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey },
    maxAttempts: 1,
  });
  clients.push(made);
  return made;
}

const get = (SecretId: string, more: Omit<GetSecretValueCommandInput, 'SecretId'> = {}) =>
  client().send(new GetSecretValueCommand({ SecretId, ...more }));

const arn = 'arn:aws:secretsmanager:eu-west-2:111122223333:secret:';

test.each([
  ['ndop/local/mesh', '{"password":"p"}'],
  [`${arn}ndop/local/mesh`, '{"password":"p"}'],
  [`${arn}ndop/local/mesh-a1B2c3`, '{"password":"p"}'],
  // "id-key" ends like the suffix of a secret named "ndop/local".
  [`${arn}ndop/local/id-key`, 'abc'],
])('%s names a secret', async (SecretId, SecretString) => {
  expect(await get(SecretId)).toMatchObject({ SecretString, VersionStages: ['AWSCURRENT'] });
});

it('tells the name, and an ARN that finds the same secret again', async () => {
  const first = await get('ndop/local/mesh');
  expect(first.Name).toBe('ndop/local/mesh');
  expect(first.ARN).toMatch(/:secret:ndop\/local\/mesh-[A-Za-z0-9]{6}$/);
  expect(first.CreatedDate).toBeInstanceOf(Date);
  const again = await get(first.ARN!);
  expect({ ...again, $metadata: first.$metadata }).toEqual(first);
});

it('knows the current version only', async () => {
  const { VersionId } = await get('ndop/local/mesh');
  expect(await get('ndop/local/mesh', { VersionId: VersionId!, VersionStage: 'AWSCURRENT' })).toBeDefined();
  await expect(get('ndop/local/mesh', { VersionStage: 'AWSPREVIOUS' })).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test.each(['ndop/local', 'NDOP/local/mesh', 'ndop/local/mesh-a1B2c3', `${arn}ndop/local/other-a1B2c3`])(
  '%s is not found',
  async (SecretId) => {
    await expect(get(SecretId)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 400 },
    });
  },
);

it('refuses a request without a secret id', async () => {
  await expect(get('')).rejects.toMatchObject({ name: 'InvalidParameterException' });
});

it('refuses a wrong signature', async () => {
  const command = new GetSecretValueCommand({ SecretId: 'ndop/local/mesh' });
  await expect(client('wrong').send(command)).rejects.toMatchObject({ name: 'InvalidSignatureException' });
});

it('does not implement other operations, and says so', async () => {
  await expect(client().send(new ListSecretsCommand({}))).rejects.toMatchObject({
    message: expect.stringContaining('ListSecrets') as unknown,
    $metadata: { httpStatusCode: 501 },
  });
});
