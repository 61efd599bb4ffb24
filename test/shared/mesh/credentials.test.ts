import { expect, it, test } from '@jest/globals';
import { parseMeshCredentials } from '../../../shared/mesh/credentials.ts';

const plain = { password: 'secret-password', sharedKey: 'secret-key' };
const certified = { ...plain, clientCertificate: 'CERT', clientKey: 'KEY', caBundle: 'CA' };

it('takes a password and the shared key where MESH is reached without TLS', () => {
  expect(parseMeshCredentials(plain, 'http://127.0.0.1:8700')).toEqual(plain);
});

it('takes certificate, key and CA bundle beside them for mutual TLS', () => {
  expect(parseMeshCredentials(certified, 'https://msg.int.spine2.ncrs.nhs.uk')).toEqual(certified);
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

test.each(['clientCertificate', 'clientKey', 'caBundle'])('refuses HTTPS without %s', (member) => {
  expect(() => parseMeshCredentials({ ...certified, [member]: '' }, 'https://msg.spine.nhs.uk')).toThrow(
    expect.objectContaining({ name: 'ConfigurationInvalid' }),
  );
});
