import type { ConformanceCase } from '../case.ts';
import { makePayload } from '../payload.ts';
import { receiveAndCompare } from './receiving.ts';

export const receive: ConformanceCase = {
  number: '401',
  title: 'Receive a message, uncompressed',
  asks: 'The order is authenticate, check the inbox, download, acknowledge. What is received equals what was sent.',
  passes:
    'The other mailbox sends random bytes uncompressed; our client takes them in as the pipeline does. MESH may compress them on their way to a client that accepts gzip; the SHA-256 is that of what the client hands on.',
  async run(context) {
    const payload = await makePayload('random', 50_000, 'case 401');
    const wanted = 'one message, uncompressed,';
    await receiveAndCompare(context, payload, { subject: 'Case 401', compress: false, wanted });
  },
};
