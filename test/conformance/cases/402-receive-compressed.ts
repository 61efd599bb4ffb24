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
    await receiveAndCompare(context, payload, {
      subject: 'Case 402',
      compress: true,
      wanted: 'one message, compressed (Content-Encoding gzip),',
      checkMessage: ({ messageId, body }) => {
        const download = calls().find((call) => call.operation === 'download' && call.messageId === messageId);
        checks.equal('Accept-Encoding is gzip', download?.requestHeaders['accept-encoding'], 'gzip');
        checks.equal('The answer says Content-Encoding gzip', download?.responseHeaders?.['content-encoding'], 'gzip');
        const bytes = download?.responseBody?.bytes ?? body.bytes;
        checks.that('The body travels compressed', bytes < body.bytes, `${bytes} of ${body.bytes} bytes`);
      },
    });
  },
};
