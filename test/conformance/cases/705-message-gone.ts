import type { ConformanceCase } from '../case.ts';
import { expectRefusal, expectToGoOn } from './refusal.ts';
import { findUndelivered } from './undelivered.ts';

export const messageGone: ConformanceCase = {
  number: '705',
  title: 'The message is gone',
  asks: 'The system handles the 410 with which MESH answers for a message that was downloaded before; the message of 703 serves.',
  passes:
    'Our client asks once more for the report of 703, which it has acknowledged, and the dormant mailbox for the message of 703, which expired; both end with a named error.',
  async run(context) {
    const { ours, dormant, checks, recorder, note } = context;
    const { messageId, reportId } = await findUndelivered(context);
    if (!checks.that('The report of 703 was acknowledged', reportId !== undefined)) return;
    await expectRefusal(
      context,
      { status: 410, names: ['MeshMessageGone'], what: 'A message that was acknowledged' },
      () => ours.mailbox().download(reportId ?? '', () => Promise.resolve()),
    );
    await expectToGoOn(context);
    if (!dormant) {
      note('Expired message', 'not asked for: the dormant mailbox is somebody else\u2019s');
      return;
    }
    const error = await dormant
      .mailbox()
      .download(messageId, () => Promise.resolve())
      .then(
        () => 'no error',
        (thrown: unknown) => (thrown instanceof Error ? thrown.name : String(thrown)),
      );
    const status = recorder.of(dormant.mailboxId).at(-1)?.status;
    checks.that(
      'The expired message is refused with 410, which the client calls MeshMessageGone',
      status === 410 && error === 'MeshMessageGone',
      `${status ?? 'no answer'}, ${error}`,
    );
  },
};
