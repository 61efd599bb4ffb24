import type { ConformanceCase } from '../case.ts';
import { makePayload } from '../payload.ts';
import { noteSize } from './chunked.ts';
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
    const { chunkedBytes, chunkBytes } = settings;
    noteSize(context);
    const payload = await makePayload('random', chunkedBytes, 'case 501');
    const wanted = 'one message of more than 200 MB, in chunks,';
    const message = await receiveAndCompare(context, payload, { subject: 'Case 501', chunkBytes, wanted });
    if (!message) return;
    const downloads = calls().filter(
      ({ operation, messageId }) => operation?.startsWith('download') === true && messageId === message.messageId,
    );
    const chunks = Math.ceil(chunkedBytes / chunkBytes);
    checks.equal('Every chunk is fetched once', new Set(downloads.map(({ path }) => path)).size, chunks);
    checks.equal('No call was needed beyond that', downloads.length, chunks);
    const statuses = downloads.map(({ status }) => status);
    const isEndedBy200 = statuses.at(-1) === 200 && statuses.slice(0, -1).every((status) => status === 206);
    checks.that('206 goes with every chunk but the last, 200 with that one', isEndedBy200, statuses.join(' '));
  },
};
