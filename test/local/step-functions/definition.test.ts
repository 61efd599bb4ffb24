import { expect, it, test } from '@jest/globals';
import { parseDefinition } from '../../../local/step-functions/definition.ts';
import { functionArn, pass, task } from './machine.ts';

const machine = (States: object, more: object = {}) => ({ QueryLanguage: 'JSONata', StartAt: 'Only', States, ...more });
const single = (state: object) => machine({ Only: state });
const inside = (state: object) => ({ StartAt: 'In', States: { In: state } });
const all = { ErrorEquals: ['States.ALL'] };

it('takes what the CDK writes around a definition', () => {
  const definition = machine(
    {
      Only: task({ Comment: 'c', QueryLanguage: 'JSONata', Next: 'Each', TimeoutSeconds: 60 }),
      Each: {
        Type: 'Map',
        ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' }, ...inside(pass({ Assign: { own: 1 } })) },
        End: true,
      },
    },
    { Comment: 'c', Version: '1.0', TimeoutSeconds: 3600 },
  );
  expect(Object.keys(parseDefinition(definition).States)).toEqual(['Only', 'Each']);
});

test.each([
  { says: 'QueryLanguage must be JSONata', definition: { ...single(pass()), QueryLanguage: 'JSONPath' } },
  { says: 'there is no state Gone', definition: { ...single(pass()), StartAt: 'Gone' } },
  { says: 'there is no state Gone', definition: single(pass({ End: undefined, Next: 'Gone' })) },
  { says: 'there is no state Gone', definition: single(task({ End: true, Catch: [{ ...all, Next: 'Gone' }] })) },
  {
    says: 'there is no state Gone',
    definition: single({ Type: 'Choice', Choices: [{ Condition: true, Next: 'Only' }], Default: 'Gone' }),
  },
  { says: 'needs either Next or End', definition: single({ Type: 'Pass' }) },
  { says: 'needs either Next or End', definition: single(task()) },
  { says: 'needs either Seconds or Timestamp', definition: single({ Type: 'Wait', End: true }) },
  { says: 'ResultPath', definition: single(pass({ ResultPath: '$.x' })) },
  { says: 'HeartbeatSeconds', definition: single(task({ End: true, HeartbeatSeconds: 5 })) },
  {
    says: 'ToleratedFailureCount',
    definition: single({ Type: 'Map', ItemProcessor: inside(pass()), End: true, ToleratedFailureCount: 1 }),
  },
  { says: 'Type', definition: single({ Type: 'Parallel', Branches: [], End: true }) },
  {
    says: 'Resource arn:aws:states:::sns:publish is not supported',
    definition: single({ Type: 'Task', Resource: 'arn:aws:states:::sns:publish', End: true }),
  },
  {
    says: 'the argument InvocationType is not supported',
    definition: single(task({ End: true, Arguments: { FunctionName: functionArn, InvocationType: 'Event' } })),
  },
  { says: 'needs a FunctionName', definition: single(task({ End: true, Arguments: { Payload: 1 } })) },
  { says: `The JSONata expression '1 +'`, definition: single(pass({ Output: { a: '{% 1 + %}' } })) },
  { says: 'States.ALL must stand alone and last', definition: single(task({ End: true, Retry: [all, all] })) },
  {
    says: 'States.ALL must stand alone and last',
    definition: single(task({ End: true, Retry: [{ ErrorEquals: ['Busy', 'States.ALL'] }] })),
  },
  { says: 'the name states is reserved', definition: single(pass({ Assign: { states: 1 } })) },
  {
    says: 'may not assign the outer variable n',
    definition: machine({
      Only: pass({ End: undefined, Assign: { n: 1 }, Next: 'Each' }),
      Each: { Type: 'Map', ItemProcessor: inside(pass({ Assign: { n: 2 } })), End: true },
    }),
  },
  {
    says: 'MODE',
    definition: single({
      Type: 'Map',
      ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED' }, ...inside(pass()) },
      End: true,
    }),
  },
  { says: 'Resource', definition: single({ Type: 'Task', Resource: `${functionArn}!`, End: true }) },
])('refuses a definition where $says', ({ says, definition }) => {
  expect(() => parseDefinition(definition)).toThrow(
    expect.objectContaining({
      name: 'DefinitionRefused',
      message: expect.stringMatching(new RegExp(escape(says), 'i')),
    }),
  );
});

function escape(text: string): string {
  return text.replaceAll(/[.+*?^$()[\]{}|\\]/g, '\\$&');
}
