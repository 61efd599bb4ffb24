import { expect, it } from '@jest/globals';
import type { SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import { commands } from '../../ops/commands.ts';
import type { Target } from '../../ops/target.ts';

const given = { runId: '20260901T020000Z-7f3a', reason: 'checked with IG', isDryRun: false, isRewrite: false };

function held(caller: Target['caller']): { target: Target; sent: SendTaskSuccessCommand['input'][] } {
  const sent: SendTaskSuccessCommand['input'][] = [];
  const target = {
    caller,
    runs: { read: () => Promise.resolve({ state: 'held', review: { taskToken: 'token' } }) },
    sfn: { send: ({ input }: SendTaskSuccessCommand) => Promise.resolve(sent.push(input)) },
  } as unknown as Target;
  return { target, sent };
}

it('puts the name by which AWS knows the caller beside the reason', async () => {
  const { target, sent } = held(() => Promise.resolve('arn:aws:sts::123456789012:assumed-role/ndop-reviewer/jo'));
  await commands.approve!.run(given, target, () => undefined);
  const output = '{"by":"arn:aws:sts::123456789012:assumed-role/ndop-reviewer/jo","reason":"checked with IG"}';
  expect(sent).toEqual([{ taskToken: 'token', output }]);
});

it('answers nothing where AWS does not say who calls', async () => {
  const { target, sent } = held(() => Promise.reject(new Error('no identity')));
  await expect(commands.approve!.run(given, target, () => undefined)).rejects.toThrow('no identity');
  expect(sent).toEqual([]);
});
