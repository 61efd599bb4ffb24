import { expect, it, test } from '@jest/globals';
import { authorizationHeader } from '../../../shared/mesh/token.ts';

const first = {
  mailboxId: 'X26ABC1',
  password: 'password',
  sharedKey: 'TestKey',
  nonce: '2c001608-5f09-4840-9611-bea43e666a30',
  nonceCount: 0,
  at: new Date('2026-01-05T14:37:59Z'),
};

test.each([
  { name: 'as in the sandbox', parts: first, hash: '4bc534611cbc4e2b30e0de923e24308639bb06706f1051ae215b0b98370a23b4' },
  {
    name: 'with the next count',
    parts: { ...first, nonceCount: 1 },
    hash: '7735f579cd32b976c686339e0cc3af59b3947f5a77ca3fec5271694c02c39fa8',
  },
  {
    name: 'with another shared key',
    parts: { ...first, sharedKey: 'Banana' },
    hash: 'd3e5e2222f19a43cd50edec0740675cf29307c6bc52b9eba1b9a9a47c6f05f24',
  },
  {
    name: 'for another mailbox, a minute before the new year',
    parts: {
      mailboxId: 'RZZ99OT001',
      password: 'S3cret-Passw0rd',
      sharedKey: 'SharedKeyForUnitTests',
      nonce: '6f1ed5c4-0b7b-4c0e-9a53-2f6f3d1c7b10',
      nonceCount: 0,
      at: new Date('2025-12-31T23:59:00Z'),
    },
    hash: '0058e781d641d95515f224d2b527a5b512d14a90f9fa4ae61252a1d58be527be',
  },
])('the worked token $name has its hash', ({ parts, hash }) => {
  expect(authorizationHeader(parts).split(':').at(-1)).toBe(hash);
});

it('names mailbox, nonce, count and minute in that order, and never the password', () => {
  const header = authorizationHeader(first);
  expect(header).toMatch(/^NHSMESH X26ABC1:2c001608-5f09-4840-9611-bea43e666a30:0:202601051437:[0-9a-f]{64}$/);
  expect(header).not.toContain('password');
});

it('counts minutes in UTC, summer or not', () => {
  expect(authorizationHeader({ ...first, at: new Date('2026-07-01T00:30:00+01:00') })).toContain(':202606302330:');
});
