import { beforeAll, describe, expect, it, test } from '@jest/globals';
import { type Certificates, makeCertificates } from '../../../local/mesh/certificates.ts';
import {
  clientCertificateDaysLeft,
  type MeshCredentials,
  parseMeshCredentials,
} from '../../../shared/mesh/credentials.ts';

const plain = { password: 'secret-password', sharedKey: 'secret-key' };
const host = 'https://msg.intspineservices.nhs.uk';
const day = 86_400_000;

let made: Certificates;
let others: Certificates;
let expired: Certificates;
let certified: Required<MeshCredentials>;

beforeAll(async () => {
  [made, others, expired] = await Promise.all([
    makeCertificates(),
    makeCertificates(),
    makeCertificates({ isClientExpired: true }),
  ]);
  certified = credentialsOf(made);
});

const credentialsOf = ({ client, caBundle }: Certificates) => ({
  ...plain,
  clientCertificate: client.certificate,
  clientKey: client.key,
  caBundle,
});
const refused = (secret: unknown, now?: Date): string => {
  try {
    parseMeshCredentials(secret, host, now);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ConfigurationInvalid' });
    expect((error as Error).cause).toBeUndefined();
    return (error as Error).message;
  }
  throw new Error('It was not refused');
};

it('asks for certificates over HTTPS however it is spelt', () => {
  expect(() => parseMeshCredentials(plain, 'HTTPS://msg.intspineservices.nhs.uk')).toThrow('clientCertificate');
});

it('takes a password and the shared key where MESH is reached without TLS', () => {
  expect(parseMeshCredentials(plain, 'http://127.0.0.1:8700')).toEqual(plain);
});

it('takes certificate, key and CA bundle beside them for mutual TLS', () => {
  expect(parseMeshCredentials(certified, host)).toEqual(certified);
});

it('takes a bundle of several authorities', () => {
  const caBundle = `# roots\n${made.caBundle}\n${others.caBundle}`;
  expect(parseMeshCredentials({ ...certified, caBundle }, host)).toEqual({ ...certified, caBundle });
});

test.each([
  { secret: undefined, names: 'the whole' },
  { secret: 'secret-password', names: 'the whole' },
  { secret: { sharedKey: 'secret-key' }, names: 'password' },
  { secret: { password: 'secret-password', sharedKey: '' }, names: 'sharedKey' },
  { secret: { ...plain, clientKey: 5 }, names: 'clientKey' },
])('refuses $secret, naming $names and no value', ({ secret, names }) => {
  expect(() => parseMeshCredentials(secret, 'http://127.0.0.1')).toThrow(
    expect.objectContaining({ name: 'ConfigurationInvalid', message: `The MESH secret is incomplete: ${names}` }),
  );
});

describe('over HTTPS', () => {
  test.each(['clientCertificate', 'clientKey', 'caBundle'])('refuses a secret without %s', (member) => {
    expect(refused({ ...certified, [member]: '' })).toContain(member);
  });

  test.each(['clientCertificate', 'clientKey', 'caBundle'])(
    'names %s where it is no PEM, without its value',
    (member) => {
      for (const value of ['secret-value', '-----BEGIN CERTIFICATE-----\nsecret-value\n-----END CERTIFICATE-----\n']) {
        const message = refused({ ...certified, [member]: value });
        expect(message).toContain(`${member} is not a`);
        expect(message).not.toContain('secret-value');
      }
    },
  );

  it('refuses a certificate with the key of another', () => {
    expect(refused({ ...certified, clientKey: others.client.key })).toContain('clientKey is not the key of');
  });

  it('refuses a key in the place of the certificate', () => {
    expect(refused({ ...certified, clientCertificate: made.client.key })).toContain('clientCertificate is not a');
  });

  it('refuses a certificate out of date, with the date', () => {
    const yesterday = new Date(Date.now() - day).toISOString().slice(0, 10);
    expect(refused(credentialsOf(expired))).toMatch(
      new RegExp(`clientCertificate expired on ${yesterday}: ask NHS England for a new one$`),
    );
  });

  it('judges by the time it is given', () => {
    expect(refused(certified, new Date(Date.now() - 2 * day))).toContain('clientCertificate is valid from');
    expect(refused(certified, new Date(Date.now() + 4 * 365 * day))).toContain('clientCertificate expired on');
    expect(parseMeshCredentials(credentialsOf(expired), host, new Date(Date.now() - 2 * day))).toBeDefined();
  });
});

describe('the days a client certificate has left', () => {
  it('are counted whole, below zero once it has expired', () => {
    const now = new Date();
    expect(clientCertificateDaysLeft(certified, now)).toBe(3 * 365 - 1);
    expect(clientCertificateDaysLeft(credentialsOf(expired), now)).toBe(-2);
  });

  it('are undefined without a certificate', () => {
    expect(clientCertificateDaysLeft(plain, new Date())).toBeUndefined();
  });

  it('cannot be told of what is no certificate', () => {
    expect(() => clientCertificateDaysLeft({ ...plain, clientCertificate: 'x' }, new Date())).toThrow(
      expect.objectContaining({ name: 'ConfigurationInvalid' }),
    );
  });
});
