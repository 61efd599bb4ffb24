import type { ConformanceCase } from '../case.ts';
import { makePayload } from '../payload.ts';
import { sendAndCompare } from './sending.ts';

export const sendCompressed: ConformanceCase = {
  number: '202',
  title: 'Send a message, compressed',
  isOptional: true,
  asks: 'As 201, with Content-Encoding gzip and Mex-Content-Compressed (or Mex-Content-Compress) Y.',
  passes: 'As 201 with compression switched on, as the pipeline sends; fewer bytes travel than the payload has.',
  async run(context) {
    const { checks } = context;
    const payload = await makePayload('text', 200_000, 'case 202');
    await sendAndCompare(context, payload, {
      subject: 'Case 202',
      compress: true,
      checkCalls: ([call]) => {
        const { requestHeaders, requestBody } = call ?? {};
        const flags = [requestHeaders?.['mex-content-compressed'], requestHeaders?.['mex-content-compress']];
        checks.equal('Content-Encoding is gzip', requestHeaders?.['content-encoding'], 'gzip');
        checks.that('Mex-Content-Compressed or Mex-Content-Compress is Y', flags.includes('Y'));
        const bytes = requestBody?.bytes ?? payload.bytes;
        checks.that('The body travels compressed', bytes < payload.bytes, `${bytes} of ${payload.bytes} bytes`);
      },
    });
  },
};
