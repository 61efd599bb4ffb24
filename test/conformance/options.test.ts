import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAccess } from './credentials.ts';
import { openEnvironment, settingsFor } from './open-environment.ts';
import { type Options, readOptions, usage } from './options.ts';

function read(text: string): Options {
  const options = readOptions(text === '' ? [] : text.split(' '));
  if (options === 'help') throw new Error('asked for help');
  return options;
}

test.each([
  { args: '--only 201,999', says: '--only 201,999: there is no case 999' },
  { args: '--url ftp://mesh', says: '--url ftp://mesh: must be the address of a MESH' },
  { args: '--url https://mesh/messageexchange', says: 'without a path' },
  { args: '--kind production', says: '--kind production: must be one of stand-in, sandbox, integration' },
  { args: '--url https://mesh --client-key k.pem', says: '--client-certificate and --client-key belong together' },
  { args: '--large --chunked-megabytes 5', says: '--large and --chunked-megabytes exclude each other' },
  { args: '--chunked-megabytes 0', says: '--chunked-megabytes 0: must be a whole number of at least 1' },
  { args: '--credentials c.json', says: '--credentials needs --url' },
  { args: '--undelivered-message 1', says: '--undelivered-message needs --url' },
  { args: '--password secret', says: "Unknown option '--password'" },
])('$args is wrong usage', ({ args, says }) => {
  expect(() => read(args)).toThrow(says);
});

it('runs every case where none is named, and else in the order of the catalogue', () => {
  expect(read('').only).toHaveLength(15);
  expect(read('--only 401,201').only).toEqual(['201', '401']);
  expect(readOptions(['--help'])).toBe('help');
});

it('takes no secret on the command line', () => {
  expect(usage).not.toMatch(/--[a-z-]*(password|shared-key|secret)/);
});

describe('what opens the mailboxes', () => {
  let directory: string;
  const url = 'https://mesh.example';
  const secrets = {
    sharedKey: 'a-shared-key',
    ours: { mailboxId: 'A1', password: 'a-password', clientCertificate: 'a1.pem', clientKey: 'a1.key' },
    other: { mailboxId: 'A2', password: 'b-password' },
    dormant: { mailboxId: 'A3' },
  };
  const file = async (name: string, value: unknown): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
    return path;
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'credentials-'));
    await file('a1.pem', 'A1 certificate');
    await file('a1.key', 'A1 key');
    await file('common.pem', 'common certificate');
    await file('common.key', 'common key');
    await file('ca.pem', 'authorities');
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('comes from a file, certificates beside it, with the common ones for a mailbox without its own', async () => {
    const credentials = await file('c.json', secrets);
    const at = (name: string): string => join(directory, name);
    const args = `--url ${url} --credentials ${credentials} --client-certificate ${at('common.pem')} --client-key ${at('common.key')} --ca-bundle ${at('ca.pem')}`;
    expect(await readAccess({ ...read(args), url }, {})).toEqual({
      sharedKey: 'a-shared-key',
      caBundle: 'authorities',
      mailboxes: {
        ours: { mailboxId: 'A1', password: 'a-password', clientCertificate: 'A1 certificate', clientKey: 'A1 key' },
        other: {
          mailboxId: 'A2',
          password: 'b-password',
          clientCertificate: 'common certificate',
          clientKey: 'common key',
        },
        dormant: { mailboxId: 'A3', clientCertificate: 'common certificate', clientKey: 'common key' },
      },
    });
  });

  it('comes from the environment, and on this machine from what is published', async () => {
    const variables = {
      ...{ MESH_SHARED_KEY: 'k', MESH_OURS_ID: 'A1', MESH_OURS_PASSWORD: 'p' },
      ...{ MESH_OTHER_ID: 'A2', MESH_DORMANT_ID: 'A3' },
    };
    const { mailboxes } = await readAccess({ ...read(`--url ${url}`), url }, variables);
    expect(mailboxes).toMatchObject({ ours: { mailboxId: 'A1', password: 'p' }, other: { mailboxId: 'A2' } });
    expect(mailboxes.other.password).toBeUndefined();
    const here = 'http://127.0.0.1:8700';
    expect((await readAccess({ ...read(`--url ${here}`), url: here }, {})).sharedKey).toBe('TestKey');
  });

  it.each([
    { what: 'none', content: undefined, says: '--credentials FILE is needed' },
    { what: 'no JSON', content: 'a-password', says: 'not as --help says: the whole' },
    { what: 'no password', content: { ...secrets, ours: { mailboxId: 'A1' } }, says: 'ours.password' },
    { what: 'a lower-case mailbox', content: { ...secrets, other: { mailboxId: 'a2' } }, says: 'other.mailboxId' },
    {
      what: 'a missing certificate',
      content: { ...secrets, dormant: { mailboxId: 'A3', clientKey: 'none.key' } },
      says: 'none.key: cannot be read (ENOENT)',
    },
    { what: 'one mailbox twice', content: { ...secrets, dormant: { mailboxId: 'A1' } }, says: 'have to differ' },
  ])('is refused with $what, and names no value', async ({ content, says }) => {
    const more = content === undefined ? '' : ` --credentials ${await file('odd.json', content)}`;
    const message = await readAccess({ ...read(`--url ${url}${more}`), url }, {}).then(
      () => 'accepted',
      (error: unknown) => (error as Error).message,
    );
    expect(message).toContain(says);
    expect(message).not.toMatch(/a-password|b-password|a-shared-key/);
  });

  it('is not enough for a MESH elsewhere, where the workflow has to be a registered one', async () => {
    const credentials = await file('plain.json', { ...secrets, ours: { mailboxId: 'A1', password: 'p' } });
    const args = `--url ${url} --credentials ${credentials}`;
    await expect(openEnvironment(read(args), {})).rejects.toThrow('--workflow ID is needed');
    const { environment } = await openEnvironment(read(`${args} --workflow W`), {});
    expect(environment).toMatchObject({ kind: 'integration', workflowId: 'W', delivery: { forSeconds: 600 } });
    expect(environment.admin).toBeUndefined();
    expect(settingsFor(read(args), environment).chunkedBytes).toBeGreaterThan(200_000_000);
    expect(settingsFor(read(`${args} --chunked-megabytes 5`), environment).chunkedBytes).toBe(5_000_000);
    await expect(openEnvironment(read(`${args} --workflow W --disabled-mailbox A2`), {})).rejects.toThrow(
      '--disabled-mailbox A2: is not the mailbox under test',
    );
  });
});
