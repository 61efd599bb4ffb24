import { createServer as createSecureServer } from 'node:https';
import { createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { answering, type Handle, listen, type StandIn } from '../stand-in.ts';

/** PEM of what a server shows and of whom it trusts. */
export interface Tls {
  readonly certificate: string;
  readonly key: string;
  /** The authorities that sign client certificates; a client without one of theirs is refused. */
  readonly clientCa: string;
}

export interface SecureStandIn extends StandIn {
  /** Ends every connection, one that is being answered after its answer: whoever calls again makes a new one. */
  readonly drop: () => void;
}

/** TLS alert descriptions. Source: RFC 5246, section 7.2. */
const alerts = { handshakeFailure: 40, certificateExpired: 45, unknownCa: 48 } as const;

/**
 * Serves HTTPS on 127.0.0.1 and refuses a client certificate as MESH does: with a fatal alert in the handshake, never
 * with an HTTP status. Node itself would only drop the connection, and only in TLS 1.2 can the alert be put in its
 * place, so that 1.2 is all that is spoken.
 *
 * @param isRefused asked once for each new connection: true turns it away with `unknown_ca` whatever it shows
 * @throws PortInUse
 */
export async function serveSecurely(
  handle: Handle,
  { certificate, key, clientCa }: Tls,
  port: number,
  isRefused: () => boolean,
): Promise<SecureStandIn> {
  /** By the client's port, which both the plain and the encrypted side of a connection know. */
  const connections = new Map<number | undefined, Socket>();
  const busy = new Set<number | undefined>();
  const toDrop = new Set<number | undefined>();
  const server = createSecureServer(
    {
      cert: certificate,
      key,
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
    },
    answering(handle),
  );
  server.prependListener('request', ({ socket: { remotePort } }, response) => {
    busy.add(remotePort);
    response.once('close', () => {
      busy.delete(remotePort);
      if (toDrop.delete(remotePort)) connections.get(remotePort)?.destroy();
    });
  });
  // Runs before the server has sent the last message of the handshake.
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (socket.authorized) return;
    const connection = connections.get(socket.remotePort);
    if (connection) refuse(connection, alertFor(socket));
    socket.destroy();
  });
  const front = createServer((connection) => {
    const { remotePort } = connection;
    connections.set(remotePort, connection);
    connection.once('close', () => connections.delete(remotePort));
    if (isRefused()) {
      // The client has to have spoken first: the alert answers its ClientHello.
      connection
        .once('error', () => undefined)
        .once('data', () => {
          refuse(connection, alerts.unknownCa);
        });
    } else server.emit('connection', connection);
  });
  const standIn = await listen(front, 'https', port, () => {
    for (const connection of connections.values()) connection.destroy();
  });
  return {
    ...standIn,
    drop: () => {
      for (const [port, connection] of connections) {
        if (busy.has(port)) toDrop.add(port);
        else connection.destroy();
      }
    },
  };
}

function alertFor(socket: TLSSocket): number {
  // Without a certificate Node answers an empty object.
  if (Object.keys(socket.getPeerCertificate()).length === 0) return alerts.handshakeFailure;
  return String(socket.authorizationError) === 'CERT_HAS_EXPIRED' ? alerts.certificateExpired : alerts.unknownCa;
}

/** Sends a fatal alert in the clear, as is right before encryption begins. */
function refuse(connection: Socket, alert: number): void {
  connection.write(Buffer.from([21, 3, 3, 0, 2, 2, alert]));
  connection.destroySoon();
}
