import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { Agent, request } from 'node:https';
import { connect } from 'node:tls';
import { type Certificates, makeCertificates } from '../../../local/mesh/certificates.ts';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import { alice, authorization, mailboxes, sharedKey } from './raw-mailbox.ts';

interface Shown {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly agent?: Agent;
}

let ours: Certificates;
let strangers: Certificates;
let expired: Certificates;
let mesh: MeshStandIn;

/** Lists the inbox on a connection of its own; the status, or the error's message. */
function list(shown: Shown): Promise<number | string> {
  return new Promise((resolve) => {
    const headers = { accept: 'application/vnd.mesh.v2+json', authorization: authorization(alice) };
    request(
      `${mesh.url}/messageexchange/RZZ99OT001/inbox`,
      { ca: ours.caBundle, agent: false, headers, ...shown },
      (response) => {
        response.resume().once('end', () => {
          resolve(response.statusCode ?? 0);
        });
      },
    )
      .once('error', (error) => {
        resolve(error.message);
      })
      .end();
  });
}

const client = ({ client: { certificate, key } }: Certificates): Shown => ({ cert: certificate, key });

beforeAll(async () => {
  ours = await makeCertificates({ commonName: 'RZZ99OT001.RZZ99.api.mesh-client.nhs.uk' });
  strangers = await makeCertificates();
  expired = await makeCertificates({ isClientExpired: true });
  const clientCa = ours.caBundle + expired.caBundle;
  mesh = await startMesh({ mailboxes, sharedKey, tls: { ...ours.server, clientCa } });
});
afterAll(() => mesh.close());
beforeEach(() => {
  mesh.faults.clear();
});

describe('over HTTPS', () => {
  it('serves a client whose certificate it trusts', async () => {
    expect(mesh.url).toMatch(/^https:/);
    expect(await list(client(ours))).toBe(200);
  });

  test.each([
    { who: 'of another authority', shown: () => client(strangers), alert: 'unknown ca' },
    { who: 'that has expired', shown: () => client(expired), alert: 'certificate expired' },
    { who: 'at all missing', shown: () => ({}), alert: 'handshake failure' },
  ])('refuses a certificate $who with the TLS alert "$alert"', async ({ shown, alert }) => {
    expect(await list(shown())).toContain(`alert ${alert}`);
    expect(await list(client(ours))).toBe(200);
  });

  it('is not trusted by a client that knows another authority', async () => {
    expect(await list({ ...client(ours), ca: strangers.caBundle })).toContain('self-signed certificate');
  });

  it('speaks TLS 1.2', async () => {
    const port = Number(new URL(mesh.url).port);
    const spoken = await new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', ca: ours.caBundle, ...client(ours) }, () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
    });
    expect(spoken).toBe('TLSv1.2');
  });

  it('can refuse a good certificate, as often as told', async () => {
    mesh.faults.add({ kind: 'refuse-certificate', times: 2, after: 1 });
    expect(await list(client(ours))).toBe(200);
    expect(await list(client(ours))).toContain('alert unknown ca');
    expect(await list(client(ours))).toContain('alert unknown ca');
    expect(await list(client(ours))).toBe(200);
  });
});

it('refuses a client over HTTPS that had a connection open', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  expect(await list({ ...client(ours), agent })).toBe(200);
  mesh.faults.add({ kind: 'refuse-certificate' });
  // The client has to learn first that its connection was closed.
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await list({ ...client(ours), agent })).toContain('alert unknown ca');
  expect(await list({ ...client(ours), agent })).toBe(200);
  agent.destroy();
});

describe('the certificates', () => {
  it('are for the local host and for a mailbox, and signed by the authority', () => {
    const authority = new X509Certificate(ours.caBundle);
    const server = new X509Certificate(ours.server.certificate);
    const mailbox = new X509Certificate(ours.client.certificate);
    expect(authority.ca).toBe(true);
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(mailbox.subject).toBe('CN=RZZ99OT001.RZZ99.api.mesh-client.nhs.uk');
    for (const issued of [server, mailbox]) expect(issued.verify(authority.publicKey)).toBe(true);
    expect(mailbox.verify(new X509Certificate(strangers.caBundle).publicKey)).toBe(false);
  });
});

it('cannot refuse certificates over HTTP, where there are none', async () => {
  const plain = await startMesh({ mailboxes, sharedKey });
  expect(() => {
    plain.faults.add({ kind: 'refuse-certificate' });
  }).toThrow('served over HTTP');
  await plain.close();
});
