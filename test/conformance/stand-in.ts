import { randomBytes } from 'node:crypto';
import { makeCertificates } from '../../local/mesh/certificates.ts';
import { startMesh } from '../../local/mesh/mesh.ts';
import { HttpAdmin } from './admin.ts';
import type { Environment } from './environment.ts';
import { credentialsOf } from './party.ts';

export interface RunningEnvironment {
  readonly environment: Environment;
  readonly close: () => Promise<void>;
}

/** Starts the stand-in over HTTPS with client certificates demanded, every secret made on the spot. */
export async function startStandIn(): Promise<RunningEnvironment> {
  const secret = () => randomBytes(12).toString('hex');
  const { caBundle, server, client } = await makeCertificates();
  const access = (mailboxId: string) => ({
    ...{ mailboxId, password: secret() },
    ...{ clientCertificate: client.certificate, clientKey: client.key },
  });
  const mailboxes = { ours: access('X26ABC1'), other: access('X26ABC2'), dormant: access('X26ABC3') };
  const sharedKey = secret();
  const mesh = await startMesh({
    mailboxes: Object.values(mailboxes).map(({ mailboxId, password }) => ({ mailboxId, password, odsCode: 'X26' })),
    sharedKey,
    tls: { ...server, clientCa: caBundle },
  });
  const environment: Environment = {
    ...{ kind: 'stand-in', baseUrl: mesh.url, sharedKey, caBundle, workflowId: 'TEST_WORKFLOW', mailboxes },
    delivery: atOnce,
    admin: new HttpAdmin(mesh.url, credentialsOf({ sharedKey, caBundle }, mailboxes.ours), 'stand-in'),
    overlapsSeen: () => mesh.violations.length,
  };
  return { environment, close: () => mesh.close() };
}

/** Of a MESH that delivers as soon as it has accepted. */
export const atOnce = { forSeconds: 30, everyMilliseconds: 100 } as const;
