import type { ConformanceCase } from '../case.ts';
import { Waiting } from '../checks.ts';
import { expectRefusal, expectToGoOn } from './refusal.ts';

export const mailboxDisabled: ConformanceCase = {
  number: '701',
  title: 'The mailbox is disabled',
  asks: 'The system handles the 403 with which MESH answers for a mailbox that is disabled.',
  passes:
    'Our mailbox is disabled; the client ends the call with a named error that says what to do, and works again once it is enabled.',
  async run(context) {
    const { environment, ours, settings } = context;
    const { admin } = environment;
    if (!admin && settings.isDisabledNow !== true) {
      throw new Waiting(
        `Have NHS England disable mailbox ${ours.mailboxId}, then run again with --only 701 --disabled-mailbox ${ours.mailboxId}`,
      );
    }
    await admin?.setDisabled(ours.mailboxId, true);
    try {
      await expectRefusal(
        context,
        {
          status: 403,
          // The words by which a disabled mailbox can be told from a wrong password are not published.
          names: admin ? ['MeshMailboxDisabled'] : ['MeshMailboxDisabled', 'MeshAuthenticationRefused'],
          what: 'A call of a disabled mailbox',
        },
        async () => ours.checkInbox(),
      );
    } finally {
      await admin?.setDisabled(ours.mailboxId, false);
    }
    if (!admin) {
      context.note('Still to do', 'have the mailbox enabled again and run case 201: the client has to work as before');
      return;
    }
    await expectToGoOn(context);
  },
};
