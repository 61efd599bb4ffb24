import type { ConformanceCase } from '../case.ts';
import { makePayload } from '../payload.ts';
import { demandSize, noteSize } from './chunked.ts';
import { sendAndCompare } from './sending.ts';

export const sendChunked: ConformanceCase = {
  number: '502',
  title: 'Send a message in chunks',
  isOptional: true,
  asks: 'A message of more than 200 MB is sent in chunks with Mex-Chunk-Range, the last of which is marked as the last.',
  passes: 'Our client sends random bytes chunk by chunk from a stream; the other mailbox downloads and hashes them.',
  async run(context) {
    const { checks, settings } = context;
    const { chunkedBytes, chunkBytes } = settings;
    noteSize(context);
    const payload = await makePayload('random', chunkedBytes, 'case 502');
    await sendAndCompare(context, payload, {
      subject: 'Case 502',
      chunkBytes,
      checkCalls: (sends) => {
        const total = Math.ceil(chunkedBytes / chunkBytes);
        checks.that('It travels in several chunks', sends.length > 1, String(sends.length));
        const ranges = sends.map(({ requestHeaders }) => requestHeaders['mex-chunk-range'] ?? 'none');
        const wanted = Array.from({ length: total }, (_, index) => `${index + 1}:${total}`);
        checks.equal('Mex-Chunk-Range counts 1:n to n:n, the last block marked so', ranges.join(' '), wanted.join(' '));
        const encodings = new Set(sends.map(({ requestHeaders }) => requestHeaders['content-encoding']));
        checks.equal('All chunks have one Content-Encoding', encodings.size, 1);
      },
    });
    demandSize(context);
  },
};
