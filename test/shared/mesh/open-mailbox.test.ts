import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeCertificates } from '../../../local/mesh/certificates.ts';
import { startSecretsManager } from '../../../local/secrets-manager/start-secrets-manager.ts';
import type { StandIn } from '../../../local/stand-in.ts';
import { certificateDaysLeft } from '../../../shared/mesh/open-mailbox.ts';

const settings = { MAILBOX: 'RZZ99OT001', MESH_NETWORK: 'internet' } as const;
const before = { ...process.env };
let secretsManager: StandIn;

beforeAll(async () => {
  const { client, caBundle } = await makeCertificates();
  const plain = { password: 'secret-password', sharedKey: 'secret-key' };
  const certified = { ...plain, clientCertificate: client.certificate, clientKey: client.key, caBundle };
  const secrets = new Map([
    ['plain', JSON.stringify(plain)],
    ['certified', JSON.stringify(certified)],
  ]);
  secretsManager = await startSecretsManager({ secrets, credentials: new Map([['AKIDLOCAL', 'secret']]) });
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-2',
    AWS_ACCESS_KEY_ID: 'AKIDLOCAL',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
  });
});
afterAll(async () => {
  process.env = before;
  await secretsManager.close();
});

it('says how many days the certificate in the MESH secret lasts', async () => {
  const access = { ...settings, MESH_BASE_URL: 'https://msg.intspineservices.nhs.uk', MESH_SECRET: 'certified' };
  const days = await certificateDaysLeft(access);
  expect(days).toBeGreaterThan(300);
  expect(days).toBeLessThan(4 * 366);
});

it('says nothing where MESH is reached without one', async () => {
  const access = { ...settings, MESH_BASE_URL: 'http://127.0.0.1:8700', MESH_SECRET: 'plain' };
  expect(await certificateDaysLeft(access)).toBeUndefined();
});
