import type { ConformanceCase } from '../case.ts';
import { withoutRetries } from '../recorder.ts';
import { findUndelivered } from './undelivered.ts';

export const undelivered: ConformanceCase = {
  number: '703',
  title: 'The message is not collected',
  asks: 'MESH accepts the message (202). Five days later it reports that nobody collected it, and the system handles the report.',
  passes:
    'Our client sends to a dormant mailbox; once five days are over it takes in a REPORT with code 14 that names the message, and acknowledges it.',
  async run(context) {
    const { ours, checks, calls, note, settings } = context;
    const { messageId, reportId, isReportedByItself } = await findUndelivered(context);
    note('Message id', messageId);
    if (settings.undeliveredMessage === undefined) {
      checks.equal(
        'MESH first accepts the message: 202',
        calls().find(({ operation }) => operation === 'send')?.status,
        202,
      );
    }
    checks.that('MESH reports by itself once five days are over', isReportedByItself);
    const report = reportId === undefined ? undefined : await ours.taken(reportId);
    if (!checks.that('A report comes that names the message', report !== undefined) || !report) return;
    note('Report', report.messageId);
    note('What it says', report.headers.statusDescription ?? '');
    checks.equal('Its Mex-MessageType is REPORT', report.headers.messageType, 'REPORT');
    checks.equal('Its Mex-StatusCode is 14', report.headers.statusCode, '14');
    checks.equal('Its Mex-LinkedMsgID is the message', report.headers.linkedMessageId, messageId);
    const about = withoutRetries(context.recorder.of(ours.mailboxId)).filter((call) => call.messageId === reportId);
    const names = about.slice(0, 2).map(({ operation }) => operation);
    checks.equal('It is downloaded and acknowledged', names.join(', '), 'download, acknowledge');
  },
};
