import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificates } from '../../../../local/mesh/certificates.ts';
import { startMesh } from '../../../../local/mesh/mesh.ts';
import { pythonWithMeshClient, run } from './python.ts';

const sharedKey = 'TestKey';
const mailboxes = ['X26ABC1', 'X26ABC2', 'X26ABC3'].map((mailboxId) => ({
  mailboxId,
  password: 'password',
  odsCode: mailboxId === 'X26ABC3' ? 'X27' : 'X26',
}));
const drive = join(import.meta.dirname, 'drive.py');
const checks = [
  'handshake',
  'plain',
  'compressed',
  'chunked',
  'precompressed',
  'pages',
  'refusals',
  'gone',
  'look_up',
  'client_certificate',
];
const held = checks.map((name) => `held ${name}\n`).join('');

const found = await pythonWithMeshClient();
const python = 'python' in found ? found.python : '';
if ('reason' in found) process.stderr.write(`Skipped NHS England's Python client: ${found.reason}\n`);

// It is no fault of the stand-in where there is no Python.
(python === '' ? describe.skip : describe)("NHS England's Python client", () => {
  it('sends, lists, reads, acknowledges, tracks and looks up over HTTP', async () => {
    const mesh = await startMesh({ mailboxes, sharedKey });
    const { code, stdout } = await run(python, '-W', 'ignore', drive, mesh.url);
    await mesh.close();
    expect(stdout).toBe(held);
    expect(code).toBe(0);
    expect(mesh.violations).toEqual([]);
  });

  it('does the same over HTTPS with a client certificate, and is refused without one', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mesh-client-'));
    const { caBundle, server, client } = await makeCertificates();
    const files = ['ca.pem', 'client.pem', 'client.key'].map((name) => join(directory, name));
    const contents = [caBundle, client.certificate, client.key];
    for (const [index, file] of files.entries()) await writeFile(file, contents[index] ?? '');
    const mesh = await startMesh({ mailboxes, sharedKey, tls: { ...server, clientCa: caBundle } });
    const { code, stdout } = await run(python, '-W', 'ignore', drive, mesh.url, ...files);
    await mesh.close();
    await rm(directory, { recursive: true });
    expect(stdout).toBe(held);
    expect(code).toBe(0);
    expect(mesh.violations).toEqual([]);
  });
});
