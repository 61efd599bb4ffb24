import type { ConformanceCase } from '../case.ts';
import { findUndelivered } from './undelivered.ts';

const runId = '20260101T000000Z-0803';

export const undeliveredTold: ConformanceCase = {
  number: '803',
  title: 'Non-delivery is handled (declared)',
  asks: 'The supplier declares that its system handles notifications about messages that were not delivered.',
  passes:
    'The report of 703 goes the way of the pipeline: matched to the request by the linked message id, the request marked as not delivered, and the operator told which it is and why.',
  async run(context) {
    const { ours, checks, note } = context;
    const { messageId, reportId, localId } = await findUndelivered(context);
    if (!checks.that('A report came that names the message', reportId !== undefined)) return;
    await ours.recordRequest(runId, messageId, localId);
    await ours.settle();
    const part = await ours.parts.read(runId, 1);
    checks.equal('The request is marked as not delivered', part.state, 'undelivered');
    checks.equal('The operator is told under a name', part.failure?.name, 'RequestUndelivered');
    const told = part.failure?.message ?? '';
    checks.that('The operator is told which request, and MESH\u2019s code', /Part 1 .*code 14\b/.test(told), told);
    note('What the operator is told', told);
    const settled = ours.ledger.messages.get(reportId ?? '');
    checks.equal('The report is on record with its request', settled?.part, `${runId} 1`);
  },
};
