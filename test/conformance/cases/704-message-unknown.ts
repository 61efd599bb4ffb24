import type { ConformanceCase } from '../case.ts';
import { expectRefusal, expectToGoOn } from './refusal.ts';

/** Of the form of a message id, from before there was any. */
const nothing = '20000101000000000000_ABCDEF';

export const messageUnknown: ConformanceCase = {
  number: '704',
  title: 'The message id does not exist',
  asks: 'The system handles the 404 with which MESH answers for a message that does not exist.',
  passes: 'Our client asks for a message that nobody sent; it ends with a named error and goes on working.',
  async run(context) {
    const { ours } = context;
    await ours.authenticate();
    await expectRefusal(
      context,
      { status: 404, names: ['MeshMessageUnknown'], what: 'A message that does not exist' },
      () => ours.mailbox().download(nothing, () => Promise.resolve()),
    );
    await expectToGoOn(context);
  },
};
