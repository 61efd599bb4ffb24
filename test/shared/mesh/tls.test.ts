import { afterEach, beforeAll, describe, expect, it, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { promisify } from 'node:util';
import { type Certificates, makeCertificates } from '../../../local/mesh/certificates.ts';
import { startMesh } from '../../../local/mesh/mesh.ts';
import { serve } from '../../../local/stand-in.ts';
import { Mailbox, type MailboxOptions } from '../../../shared/mesh/mailbox.ts';
import { alice, bob, mailboxes, sharedKey } from '../../local/mesh/raw-mailbox.ts';
import { bodyOf, bytesOf, listed } from '../../support/bodies.ts';

let ours: Certificates;
let others: Certificates;
let expired: Certificates;
let closing: (() => unknown)[] = [];

beforeAll(async () => {
  [ours, others, expired] = await Promise.all([
    makeCertificates(),
    makeCertificates(),
    makeCertificates({ isClientExpired: true }),
  ]);
});
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  closing = [];
});

/** An HTTPS server that demands a client certificate; Node's own, so that every version of TLS is to be had. */
async function server(options: TlsOptions, certificates = ours): Promise<string> {
  const { certificate, key } = certificates.server;
  const made = createHttpsServer(
    { cert: certificate, key, ca: ours.caBundle, requestCert: true, rejectUnauthorized: true, ...options },
    (request, response) => request.resume().once('end', () => response.writeHead(200).end('{"message_id":"m"}')),
  );
  made.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => made.listen(0, '0.0.0.0', resolve));
  closing.push(() => {
    made.closeAllConnections();
    return new Promise((resolve) => made.close(resolve));
  });
  return `https://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

const mailboxAt = (
  baseUrl: string,
  { client, caBundle }: { client?: Certificates['client'] | undefined; caBundle?: string | undefined } = {},
  options: Partial<MailboxOptions> = {},
) =>
  new Mailbox({
    baseUrl,
    mailboxId: alice.mailboxId,
    credentials: {
      ...alice,
      ...(client ? { clientCertificate: client.certificate, clientKey: client.key } : {}),
      ...(caBundle === undefined ? {} : { caBundle }),
    },
    pause: () => Promise.resolve(),
    ...options,
  });
const trusted = () => ({ client: ours.client, caBundle: ours.caBundle });
const credentials = () => ({
  clientCertificate: ours.client.certificate,
  clientKey: ours.client.key,
  caBundle: ours.caBundle,
});
const message = { from: 'RZZ99OT001', to: 'X26OT154', workflowId: 'W', subject: 's', localId: 'l', fileName: 'f.dat' };
const outgoing = (content: Buffer) => ({ bytes: content.length, content: bodyOf(content) });

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (version) => {
  const only = { minVersion: version, maxVersion: version };

  it('both sides show their certificates', async () => {
    const mailbox = mailboxAt(await server(only), trusted());
    await mailbox.handshake();
    expect(await mailbox.send(message, outgoing(Buffer.alloc(3_000_000, 'x')))).toMatchObject({ outcome: 'accepted' });
  });

  it('a client without a certificate is MeshCertificateRefused', async () => {
    const mailbox = mailboxAt(await server(only), { caBundle: ours.caBundle });
    await expect(mailbox.handshake()).rejects.toMatchObject({ name: 'MeshCertificateRefused' });
    const long = outgoing(Buffer.alloc(3_000_000, 'x'));
    await expect(mailbox.send(message, long)).rejects.toMatchObject({ name: 'MeshCertificateRefused' });
  });

  it('a client whose connection is closed for its certificate is told to look at it, or that it broke', async () => {
    // Node closes where others send an alert.
    const mailbox = mailboxAt(await server(only), { client: others.client, caBundle: ours.caBundle });
    await expect(mailbox.handshake()).rejects.toMatchObject({ name: 'MeshConnectionLost' });
  });

  test.each([
    { name: 'of an authority that is not in our bundle', host: '127.0.0.1', caBundle: () => others.caBundle },
    { name: 'of an authority of nobody we know', host: '127.0.0.1', caBundle: () => undefined },
    { name: 'for another host', host: '127.0.0.2', caBundle: () => ours.caBundle },
  ])('a server certificate $name is MeshServerUntrusted', async ({ host, caBundle }) => {
    const url = (await server(only)).replace('127.0.0.1', host);
    const mailbox = mailboxAt(url, { client: ours.client, caBundle: caBundle() });
    await expect(mailbox.handshake()).rejects.toMatchObject({ name: 'MeshServerUntrusted' });
    await expect(mailbox.send(message, outgoing(Buffer.from('x')))).rejects.toMatchObject({
      name: 'MeshServerUntrusted',
    });
  });
});

it('a server that speaks no TLS newer than 1.1 is MeshServerUntrusted', async () => {
  const old = await server({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' });
  await expect(mailboxAt(old, trusted()).handshake()).rejects.toMatchObject({ name: 'MeshServerUntrusted' });
});

it('a server that speaks no TLS at all is MeshServerUntrusted', async () => {
  const plain = await serve((_, response) => Promise.resolve(void response.end()));
  closing.push(() => plain.close());
  const url = plain.url.replace('http:', 'https:');
  await expect(mailboxAt(url, trusted()).handshake()).rejects.toMatchObject({ name: 'MeshServerUntrusted' });
});

it('no environment variable lets a server go untrusted', async () => {
  const url = await server({});
  const script = `
    import { Mailbox } from '${new URL('../../../shared/mesh/mailbox.ts', import.meta.url).href}';
    const credentials = { password: 'p', sharedKey: 'k' };
    const mailbox = new Mailbox({ baseUrl: '${url}', mailboxId: 'RZZ99OT001', credentials });
    console.log(await mailbox.handshake().then(() => 'trusted', (error) => error.name));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  });
  expect(stdout).toBe('MeshServerUntrusted\n');
});

describe('at a MESH that refuses certificates as the real one does', () => {
  const secureMesh = async (clientCa = ours.caBundle) => {
    const { certificate, key } = ours.server;
    const mesh = await startMesh({ mailboxes, sharedKey, tls: { certificate, key, clientCa } });
    closing.push(() => mesh.close());
    return mesh;
  };

  it('everything goes the same way as without TLS', async () => {
    const mesh = await secureMesh();
    const [sender, recipient] = [
      mailboxAt(mesh.url, trusted(), { chunkBytes: 100_000 }),
      mailboxAt(mesh.url, trusted(), { mailboxId: bob.mailboxId, credentials: { ...credentials(), ...bob } }),
    ];
    const content = Buffer.from(Array.from({ length: 50_000 }, (_, row) => `${row},\r\n`).join(''));
    await sender.handshake();
    expect(await sender.send(message, outgoing(content))).toMatchObject({ outcome: 'accepted' });
    const [id] = await listed(recipient.listInbox());
    expect((await recipient.download(id!, ({ body }) => bytesOf(body))).equals(content)).toBe(true);
    await recipient.acknowledge(id!);
    expect(await sender.track(id!)).toMatchObject({ status: 'acknowledged' });
    expect(mesh.violations).toEqual([]);
  });

  test.each([
    { name: 'no certificate', client: () => undefined, clientCa: () => ours.caBundle },
    { name: 'an unknown certificate', client: () => others.client, clientCa: () => ours.caBundle },
    { name: 'an expired certificate', client: () => expired.client, clientCa: () => expired.caBundle },
  ])('$name is MeshCertificateRefused, and so is a message sent with it', async ({ client, clientCa }) => {
    const { url } = await secureMesh(clientCa());
    const mailbox = mailboxAt(url, { client: client(), caBundle: ours.caBundle });
    await expect(mailbox.handshake()).rejects.toMatchObject({
      name: 'MeshCertificateRefused',
      message: expect.stringMatching(/client certificate \([a-z ]+\): check/),
    });
    const sending = mailbox.send(message, outgoing(Buffer.from('x')));
    await expect(sending).rejects.toMatchObject({ name: 'MeshCertificateRefused' });
  });

  it('a message whose answer is lost is unknown, and a call that may be repeated is', async () => {
    const mesh = await secureMesh();
    const mailbox = mailboxAt(mesh.url, trusted());
    mesh.faults.add({ kind: 'reset-after', operation: 'send' });
    expect(await mailbox.send(message, outgoing(Buffer.from('x')))).toMatchObject({ outcome: 'unknown' });
    expect(mesh.messages()).toHaveLength(1);
    mesh.faults.add({ kind: 'reset-before', times: 2 });
    await mailbox.handshake();
  });
});
