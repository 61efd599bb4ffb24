import type { ConformanceCase } from '../case.ts';
import { makePayload } from '../payload.ts';
import { demandSize, noteSize } from './chunked.ts';
import { receiveAndCompare } from './receiving.ts';

export const receiveChunked: ConformanceCase = {
  number: '501',
  title: 'Receive a message in chunks',
  isOptional: true,
  asks: 'A message of more than 200 MB is downloaded block by block; the MD5 of the joined file equals that of what was sent.',
  passes:
    'The other mailbox sends random bytes in chunks; our client joins them as a stream that is hashed as it passes and never held.',
  async run(context) {
    const { checks, calls, settings } = context;
    noteSize(context);
    const payload = await makePayload('random', settings.chunkedBytes, 'case 501');
    await receiveAndCompare(context, payload, {
      subject: 'Case 501',
      chunkBytes: settings.chunkBytes,
      wanted: 'one message of more than 200 MB, in chunks,',
      checkMessage: ({ messageId, rawHeaders }) => {
        const fetched = calls().filter((call) => call.messageId === messageId && call.method === 'GET');
        const total = Number(rawHeaders['mex-total-chunks']);
        checks.that('It comes in several chunks', total > 1, `${total} by Mex-Total-Chunks`);
        checks.equal('Every chunk is fetched once', new Set(fetched.map(({ path }) => path)).size, total);
        checks.equal('No call was needed beyond that', fetched.length, total);
        const statuses = fetched.map(({ status }) => status);
        const isEndedBy200 = statuses.at(-1) === 200 && statuses.slice(0, -1).every((status) => status === 206);
        checks.that('206 goes with every chunk but the last, 200 with that one', isEndedBy200, statuses.join(' '));
      },
    });
    demandSize(context);
  },
};
