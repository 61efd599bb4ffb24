/** The floor: takes a POST of any length and counts it, and gives as many bytes to a GET, with nothing done to them. */
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { payload } from './payload.ts';

const server = createServer((request, response) => {
  const bytes = Number(new URL(request.url ?? '/', 'http://raw').searchParams.get('bytes'));
  if (request.method === 'GET') {
    response.setHeader('content-length', bytes);
    pipeline(Readable.from(payload(bytes)), response).catch(() => response.destroy());
    return;
  }
  let received = 0;
  request.on('data', (piece: Buffer) => (received += piece.length));
  request.once('end', () => response.end(String(received)));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address)
    process.stdout.write(`${JSON.stringify({ listening: `http://127.0.0.1:${address.port}` })}\n`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
