import type { ConformanceCase } from '../case.ts';
import { makePayload } from '../payload.ts';
import { expectRefusal, expectToGoOn } from './refusal.ts';

/** Of the form of a mailbox id, and nobody's. */
const nobody = 'X26ZZ999999';

export const recipientInvalid: ConformanceCase = {
  number: '702',
  title: 'The recipient is not valid',
  asks: 'The system handles the 417 with which MESH refuses a message to a mailbox that is not registered.',
  passes: 'Our client sends to a mailbox that nobody has; it ends with a named error and goes on working.',
  async run(context) {
    const { ours, localId } = context;
    const payload = await makePayload('text', 2_000, 'case 702');
    await ours.authenticate();
    await expectRefusal(
      context,
      { status: 417, names: ['MeshRecipientUnknown'], what: 'A message to a recipient that is not registered' },
      () => ours.send(payload, { to: nobody, subject: 'Case 702', localId: localId() }),
    );
    await expectToGoOn(context);
  },
};
