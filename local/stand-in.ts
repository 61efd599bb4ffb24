import { UsageError } from '../shared/command-line.ts';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { Server } from 'node:net';

/** A local stand-in for one AWS or NHS service: a real HTTP server on 127.0.0.1. */
export interface StandIn {
  /** Base URL without a trailing slash, e.g. `http://127.0.0.1:40123`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Answers one request. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** The port asked for is taken by another program. */
export class PortInUse extends UsageError {
  override readonly name = 'PortInUse';

  constructor(port: number) {
    super(`Port ${port} on 127.0.0.1 is already in use: stop what listens there or choose another port`);
  }
}

/**
 * Serves HTTP on 127.0.0.1.
 *
 * @param port 0, the default, takes any free port
 * @throws PortInUse
 */
export async function serve(handle: Handle, port = 0): Promise<StandIn> {
  const server = createServer(answering(handle));
  return listen(server, 'http', port, () => {
    server.closeAllConnections();
  });
}

/**
 * A handler that throws answers 500 with the error's name, so that a defect in a stand-in is seen and never taken for
 * the service's own answer.
 */
export function answering(handle: Handle): RequestListener {
  return (request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else {
        const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        response.writeHead(500, { 'content-type': 'text/plain' }).end(`stand-in defect: ${text}`);
      }
    });
  };
}

/**
 * Binds a server to 127.0.0.1.
 *
 * @param drop ends the connections that are still open at the end
 * @throws PortInUse
 */
export async function listen(
  server: Server,
  scheme: 'http' | 'https',
  port: number,
  drop: () => void,
): Promise<StandIn> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new PortInUse(port) : error);
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server did not report its port');
  return {
    url: `${scheme}://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        drop();
      }),
  };
}

/** Reads a whole request body; only for services whose bodies are small by contract. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const source: AsyncIterable<Buffer> = request;
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
