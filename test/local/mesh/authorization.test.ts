import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { tokenHash } from '../../../local/mesh/authorization.ts';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import { authorization, errorOf, minuteStamp, rawMailbox } from './raw-mailbox.ts';

describe('the token hash', () => {
  const nonce = '2c001608-5f09-4840-9611-bea43e666a30';
  const sandbox = { mailboxId: 'X26ABC1', nonce, nonceCount: '0', timestamp: '202601051437' };
  test.each([
    {
      parts: sandbox,
      password: 'password',
      sharedKey: 'TestKey',
      hash: '4bc534611cbc4e2b30e0de923e24308639bb06706f1051ae215b0b98370a23b4',
    },
    {
      parts: { ...sandbox, nonceCount: '1' },
      password: 'password',
      sharedKey: 'TestKey',
      hash: '7735f579cd32b976c686339e0cc3af59b3947f5a77ca3fec5271694c02c39fa8',
    },
    {
      parts: sandbox,
      password: 'password',
      sharedKey: 'Banana',
      hash: 'd3e5e2222f19a43cd50edec0740675cf29307c6bc52b9eba1b9a9a47c6f05f24',
    },
    {
      parts: {
        mailboxId: 'RZZ99OT001',
        nonce: '6f1ed5c4-0b7b-4c0e-9a53-2f6f3d1c7b10',
        nonceCount: '0',
        timestamp: '202512312359',
      },
      password: 'S3cret-Passw0rd',
      sharedKey: 'SharedKeyForUnitTests',
      hash: '0058e781d641d95515f224d2b527a5b512d14a90f9fa4ae61252a1d58be527be',
    },
  ])(
    'of $parts.mailboxId, count $parts.nonceCount, key $sharedKey is $hash',
    ({ parts, password, sharedKey, hash }) => {
      expect(tokenHash(parts, password, sharedKey)).toBe(hash);
    },
  );
});

describe('authorization', () => {
  const sharedKey = 'TestKey';
  const ours = { mailboxId: 'RZZ99OT001', password: 'secret', sharedKey };
  const disabled = { mailboxId: 'RZZ99OT002', password: 'secret', sharedKey };
  let mesh: MeshStandIn;

  beforeAll(async () => {
    mesh = await startMesh({ mailboxes: [ours, { ...disabled, disabled: true }], sharedKey });
  });
  afterAll(() => mesh.close());

  test.each([
    { when: 'it is missing', header: undefined, msg: 'Error reading from Authorization header' },
    { when: 'the scheme is another', header: 'Bearer x', msg: 'Error reading from Authorization header' },
    {
      when: 'the count is no number',
      header: authorization(ours, { count: 'one' }),
      msg: 'Error reading from Authorization header',
    },
    {
      when: 'the mailbox id is in lower case',
      header: authorization({ ...ours, mailboxId: 'rzz99ot001' }),
      msg: 'Mailbox id does not match token',
    },
    { when: 'it is for another mailbox', header: authorization(disabled), msg: 'Mailbox id does not match token' },
    {
      when: 'the password is wrong',
      header: authorization({ ...ours, password: 'guess' }),
      msg: 'Invalid Authentication Token',
    },
    {
      when: 'the shared key is wrong',
      header: authorization({ ...ours, sharedKey: 'Banana' }),
      msg: 'Invalid Authentication Token',
    },
    {
      when: 'the timestamp is two hours and two minutes old',
      header: authorization(ours, { stamp: minuteStamp(-122) }),
      msg: 'Invalid Authentication Token: its timestamp is too far from the present',
    },
    {
      when: 'the timestamp is two hours and two minutes ahead',
      header: authorization(ours, { stamp: minuteStamp(122) }),
      msg: 'Invalid Authentication Token: its timestamp is too far from the present',
    },
    {
      when: 'the timestamp names no moment',
      header: authorization(ours, { stamp: '202613051437' }),
      msg: 'Invalid Authentication Token: its timestamp is too far from the present',
    },
  ])('is refused with 403 when $when', async ({ header, msg }) => {
    const response = await rawMailbox(mesh.url, ours).call('GET', '/inbox', { authorization: header });
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toEqual({ event: '', code: '', msg });
  });

  it('is accepted with a timestamp almost two hours off', async () => {
    for (const stamp of [minuteStamp(-118), minuteStamp(118)]) {
      const header = authorization(ours, { stamp });
      expect((await rawMailbox(mesh.url, ours).call('GET', '/inbox', { authorization: header })).status).toBe(200);
    }
  });

  it('is accepted with its hash in upper case, once', async () => {
    const header = authorization(ours).replace(/[^:]+$/, (hash) => hash.toUpperCase());
    const status = async () =>
      (await rawMailbox(mesh.url, ours).call('GET', '/inbox', { authorization: header })).status;
    expect([await status(), await status()]).toEqual([200, 403]);
  });

  it('takes a token once, and the same nonce again with the next count', async () => {
    const nonce = 'a-nonce-of-one-client';
    const first = authorization(ours, { nonce, count: '0' });
    const status = async (header: string) =>
      (await rawMailbox(mesh.url, ours).call('GET', '/inbox', { authorization: header })).status;
    expect(await status(first)).toBe(200);
    expect(await status(authorization(ours, { nonce, count: '1' }))).toBe(200);
    const again = await rawMailbox(mesh.url, ours).call('GET', '/inbox', { authorization: first });
    expect(again.status).toBe(403);
    expect(await errorOf(again)).toMatchObject({ msg: 'Error Duplicated Authentication Token' });
  });

  it('answers 403 to the owner of a disabled mailbox', async () => {
    const response = await rawMailbox(mesh.url, disabled).call('GET', '/inbox');
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toMatchObject({ msg: 'Request Received from Inactive Mailbox' });
  });

  it('answers 403, EPL-151, for a mailbox that nobody has', async () => {
    const response = await rawMailbox(mesh.url, { ...ours, mailboxId: 'NOBODY01' }).call('GET', '/inbox');
    expect(response.status).toBe(403);
    expect(await errorOf(response)).toEqual({ event: 'SEND', code: 'EPL-151', msg: 'No mailbox matched' });
  });

  it('can be made stricter about the clock', async () => {
    const strict = await startMesh({ mailboxes: [ours], sharedKey, timestampToleranceMs: 5 * 60_000 });
    const header = authorization(ours, { stamp: minuteStamp(-10) });
    expect((await rawMailbox(strict.url, ours).call('GET', '/inbox', { authorization: header })).status).toBe(403);
    await strict.close();
  });
});
