import { beforeAll, describe, expect, it, test } from '@jest/globals';
import type { State, States } from './definition-shape.ts';
import { findingsIn } from './definition-findings.ts';
import { readDefinitions } from './definitions.ts';

let definitions: { readonly refresh: States; readonly drain: States };

beforeAll(async () => {
  definitions = await readDefinitions();
}, 240_000);

test.each(['refresh', 'drain'] as const)('there is nothing wrong with the definition of %s', async (name) => {
  expect(await findingsIn(definitions[name])).toEqual([]);
});

/** Breaks a copy of "Refresh consents" and says what is found to be wrong with it. */
async function findingsOnceBroken(breakIt: (states: Breakable) => unknown): Promise<string[]> {
  const copy = structuredClone(definitions.refresh);
  breakIt(copy.States);
  return findingsIn(copy);
}

type Breakable = States['States'];

/** Takes one field, or everything that a copy has under its name, out of a state. */
function without(state: object | undefined, field: string): void {
  Reflect.deleteProperty(state!, field);
}

const inside = (states: Breakable, map: string, name: string): State => states[map]!.ItemProcessor!.States[name]!;

const payloadOf = ({ Arguments }: State): object => (Arguments as { readonly Payload: object }).Payload;

describe('a copy in which', () => {
  test.each<{ what: string; breakIt: (states: Breakable) => unknown; finding: string }>([
    {
      what: 'a variable is assigned by nothing',
      breakIt: (states) => {
        without(states['Open the run']!.Assign, 'splits');
      },
      finding: 'Pieces of a rejected request?: $splits is not assigned on every way that leads here',
    },
    {
      what: 'a variable is assigned on one of two ways',
      breakIt: (states) => {
        without(states['Open the run']!.Assign, 'waitedSeconds');
      },
      finding: 'Check the inbox: $waitedSeconds is not assigned on every way that leads here',
    },
    {
      what: 'a Catch assigns nothing',
      breakIt: (states) => {
        without(states['Build the cohort']!.Catch!.at(-1), 'Assign');
      },
      finding: 'Record the failure: $stopped is not assigned on every way that leads here',
    },
    {
      what: 'a Choice asks for a variable that is never assigned',
      breakIt: (states) =>
        Object.assign(states['Dry run?']!.Choices![0]!, { Condition: '{% $exists($isDry) and $exists($isDry) %}' }),
      finding: 'Dry run?: $isDry is assigned on no way that leads here',
    },
    {
      what: 'a variable has the name of a function',
      breakIt: (states) => Object.assign(states['Build the cohort']!.Assign!, { error: '{% 1 %}' }),
      finding: 'The variable $error has the name of a function',
    },
    {
      what: 'a Choice takes a function for a variable',
      breakIt: (states) => Object.assign(states['Dry run?']!.Choices![0]!, { Condition: '{% $exists($error) %}' }),
      finding: 'Dry run?: takes the function $error for a variable',
    },
    {
      what: 'an expression calls what is no function',
      breakIt: (states) => Object.assign(states['Dry run?']!.Choices![0]!, { Condition: '{% $counted($parts) = 1 %}' }),
      finding: 'Dry run?: calls $counted, which is no function',
    },
    {
      what: 'a Map assigns what is assigned outside of it',
      breakIt: (states) => Object.assign(inside(states, 'Reconcile', 'Refuse the answer'), { Assign: { written: 1 } }),
      finding: 'A Map assigns the outer variable $written',
    },
    {
      what: 'a Map reads what is assigned only after it',
      breakIt: (states) =>
        Object.assign(payloadOf(inside(states, 'Stage the requests', 'Stage some requests')), {
          more: '{% $reconciled %}',
        }),
      finding: 'Stage some requests: $reconciled is not assigned on every way that leads here',
    },
    {
      what: 'what is assigned inside of a Map is read outside of it',
      breakIt: (states) => Object.assign(payloadOf(states['Count the Consents']!), { done: '{% $isRebuilt %}' }),
      finding: 'Count the Consents: $isRebuilt is not assigned on every way that leads here',
    },
    {
      what: 'a task has no time limit',
      breakIt: (states) => {
        without(inside(states, 'Reconcile', 'Reconcile the part'), 'TimeoutSeconds');
      },
      finding: 'Reconcile the part: has no time limit',
    },
    {
      what: 'a task retries nothing',
      breakIt: (states) => {
        without(states['Close the run'], 'Retry');
      },
      finding: 'Close the run: does not retry AwsUnavailable',
    },
    {
      what: 'one error is not retried',
      breakIt: (states) => {
        for (const { ErrorEquals } of states['Check the inbox']!.Retry!) {
          const at = ErrorEquals.indexOf('MeshTimedOut');
          if (at >= 0) (ErrorEquals as string[]).splice(at, 1);
        }
      },
      finding: 'Check the inbox: does not retry MeshTimedOut',
    },
    {
      what: 'a task retries whatever happens',
      breakIt: (states) =>
        (states['Close the run']!.Retry as { ErrorEquals: string[] }[]).push({ ErrorEquals: ['States.ALL'] }),
      finding: 'Close the run: retries whatever happens',
    },
    {
      what: 'a task has no last Catch',
      breakIt: (states) => {
        without(states['Close the run'], 'Catch');
      },
      finding: 'Close the run: has no last Catch',
    },
    {
      what: 'an error is caught that nothing throws',
      breakIt: (states) => (states['Check the inbox']!.Catch![0]!.ErrorEquals as string[]).push('MeshAway'),
      finding: 'Check the inbox: names the error MeshAway, which nothing throws',
    },
    {
      what: 'two states lead to each other alone',
      breakIt: (states) =>
        Object.assign(states, { Round: { Type: 'Pass', Next: 'Again' }, Again: { Type: 'Pass', Next: 'Round' } }),
      finding: 'Again: no way leads to this state',
    },
    {
      what: 'a payload names a person',
      breakIt: (states) => Object.assign(payloadOf(states['Build the cohort']!), { nhsNumbers: '{% $parts %}' }),
      finding: 'Build the cohort: the field nhsNumbers may hold a person',
    },
    {
      what: 'an expression looks for a person',
      breakIt: (states) =>
        Object.assign(states['Build the cohort']!.Assign!, { parts: '{% $states.result.Payload.patientId %}' }),
      finding: 'Build the cohort: the field patientId may hold a person',
    },
    {
      what: 'an expression makes an object of a person',
      breakIt: (states) => Object.assign(states['Build the cohort']!.Assign!, { parts: "{% {'birthDate': 1} %}" }),
      finding: 'Build the cohort: the field birthDate may hold a person',
    },
    {
      what: 'a state goes on with one that is not there',
      breakIt: (states) => Object.assign(states['Build the cohort']!, { Next: 'Nowhere' }),
      finding: 'asl-validator:',
    },
    {
      what: 'an expression is broken',
      breakIt: (states) => Object.assign(states['Build the cohort']!.Assign!, { parts: '{% $states. %}' }),
      finding: 'asl-validator:',
    },
  ])('$what is found out', async ({ breakIt, finding }) => {
    expect(await findingsOnceBroken(breakIt)).toContainEqual(expect.stringContaining(finding));
  });

  it('is as good as the original is as good', async () => {
    expect(await findingsOnceBroken(() => undefined)).toEqual([]);
  });
});
