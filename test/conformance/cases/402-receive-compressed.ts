import type { ConformanceCase } from '../case.ts';
import { makePayload } from '../payload.ts';
import { receiveAndCompare } from './receiving.ts';

export const receiveCompressed: ConformanceCase = {
  number: '402',
  title: 'Receive a message, compressed',
  asks: 'As 401 with a compressed message: the client accepts gzip (Accept-Encoding) and undoes the Content-Encoding.',
  passes: 'As 401 with a text that was sent compressed; it travels as gzip, and the client hands on the text.',
  async run(context) {
    const { checks, calls } = context;
    const payload = await makePayload('text', 200_000, 'case 402');
    const wanted = 'one message, compressed (Content-Encoding gzip),';
    const message = await receiveAndCompare(context, payload, { subject: 'Case 402', compress: true, wanted });
    const download = calls().find(
      ({ operation, messageId }) => operation === 'download' && messageId === message?.messageId,
    );
    checks.equal('Accept-Encoding is gzip', download?.requestHeaders['accept-encoding'], 'gzip');
    checks.equal('The answer says Content-Encoding gzip', download?.responseHeaders?.['content-encoding'], 'gzip');
    const bytes = download?.responseBody?.bytes ?? payload.bytes;
    checks.that('The body travels compressed', bytes < payload.bytes, `${bytes} of ${payload.bytes} bytes`);
  },
};
