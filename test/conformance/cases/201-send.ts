import type { ConformanceCase } from '../case.ts';
import { makePayload } from '../payload.ts';
import { sendAndCompare } from './sending.ts';

export const send: ConformanceCase = {
  number: '201',
  title: 'Send a message, uncompressed',
  asks: 'The message arrives unaltered. The order is authenticate, send, check the inbox. Mandatory headers: Authorization, Mex-From, Mex-To, Mex-WorkflowID, Content-Type application/octet-stream.',
  passes:
    'Our client sends a text with compression switched off and lists its inbox straight after; the other mailbox downloads it, and the SHA-256 are compared.',
  async run(context) {
    const { checks } = context;
    const payload = await makePayload('text', 20_000, 'case 201');
    await sendAndCompare(context, payload, {
      subject: 'Case 201',
      compress: false,
      checkCalls: ([call]) => {
        checks.that('No Content-Encoding is claimed', call?.requestHeaders['content-encoding'] === undefined);
        checks.equal('The body travels as it is', call?.requestBody.sha256, payload.sha256);
      },
    });
  },
};
