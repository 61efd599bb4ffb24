import { join } from 'node:path';
import { readFile, readdir } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import aslValidator from 'asl-validator';
import { readDeployment } from '../../local/assembly/deployment.ts';
import { synthesize } from '../../local/assembly/synthesize.ts';
import { parseDefinition } from '../../local/step-functions/definition.ts';
import { permanent, retryable } from '../../shared/errors.ts';

interface State {
  readonly Type: string;
  readonly TimeoutSeconds?: number | string;
  readonly Retry?: readonly { readonly ErrorEquals: readonly string[] }[];
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[];
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, State>> };
}

const root = join(import.meta.dirname, '../..');
interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}
let definition: Definition;
let drain: Definition;
let states: [name: string, state: State][];

beforeAll(async () => {
  const { directory } = await synthesize(root);
  const deployment = await readDeployment(directory);
  definition = deployment.stateMachine.definition as Definition;
  drain = deployment.drainStateMachine.definition as Definition;
  states = statesOf(definition.States);
}, 120_000);

function statesOf(group: Readonly<Record<string, State>>): [string, State][] {
  return Object.entries(group).flatMap(([name, state]): [string, State][] => [
    [name, state],
    ...statesOf(state.ItemProcessor?.States ?? {}),
  ]);
}

describe('the state machine "Refresh consents"', () => {
  it('has the states that the operators know, each once', () => {
    const names = states.map(([name]) => name);
    expect(names).toEqual(
      expect.arrayContaining([
        'Open the run',
        'Build the cohort',
        'Stage the requests',
        'Send the requests',
        'Wait for replies',
        'Check the inbox',
        'All answered?',
        'Split the rejected request',
        'Reconcile',
        'Is it plausible?',
        'Hold for review',
        'Write the activations',
        'Write the import files',
        'Start the import',
        'Wait for the import',
        'Check the import',
        'Find what the import left',
        'Write the other Consents',
        'Close the run',
        'Record the failure',
      ]),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(definition.StartAt).toBe('Open the run');
  });

  it('gives every task a time limit, retries by named errors and a last Catch, as the drain does', () => {
    const tasks = [...states, ...statesOf(drain.States)].filter(([, state]) => state.Type === 'Task');
    expect(tasks.length).toBeGreaterThan(12);
    for (const [name, task] of tasks) {
      expect({ name, limit: task.TimeoutSeconds !== undefined }).toEqual({ name, limit: true });
      const retried = (task.Retry ?? []).flatMap(({ ErrorEquals }) => ErrorEquals);
      expect(retried).toEqual(expect.arrayContaining([...retryable]));
      expect(retried).not.toContain('States.ALL');
      expect(task.Catch?.at(-1)?.ErrorEquals).toEqual(['States.ALL']);
    }
  });

  it('retries and catches no error name that the code does not know', () => {
    const known = new Set<string>([...retryable, ...permanent]);
    const named = states
      .flatMap(([, state]) => [...(state.Retry ?? []), ...(state.Catch ?? [])])
      .flatMap(({ ErrorEquals }) => ErrorEquals)
      .filter((name) => !/^(?:States|Lambda|Sandbox)\./.test(name));
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('is valid Amazon States Language, for a validator and for the strict local interpreter', () => {
    expect(aslValidator(definition)).toMatchObject({ isValid: true, errors: [] });
    expect(() => parseDefinition(definition)).not.toThrow();
  });

  it('keeps no execution data in its logs', async () => {
    const { directory } = await synthesize(root);
    const stage = join(directory, 'assembly-local');
    const file = (await readdir(stage)).find((name) => /pipeline.*\.template\.json$/.test(name)) ?? '';
    const template = JSON.parse(await readFile(join(stage, file), 'utf8')) as {
      Resources: Record<string, { Type: string; Properties: { LoggingConfiguration?: object } }>;
    };
    const machines = Object.values(template.Resources).filter(
      ({ Type }) => Type === 'AWS::StepFunctions::StateMachine',
    );
    expect(machines.length).toBe(2);
    for (const { Properties } of machines) {
      expect(Properties.LoggingConfiguration).toMatchObject({ Level: 'ALL', IncludeExecutionData: false });
    }
  });
});

describe('the state machine "Drain the mailbox"', () => {
  it('has the states that the operators know', () => {
    expect(drain.StartAt).toBe('Drain the mailbox');
    expect(
      statesOf(drain.States)
        .map(([name]) => name)
        .sort(),
    ).toEqual([
      'All of it gone?',
      'Check the freshness',
      'Drain the mailbox',
      'Drained',
      'Expire some Consents',
      'Expire the Consents',
      'Has anything expired?',
      'Not expired',
      'Record the failure',
      'Record what expired',
      'Stepped aside',
      'Stretch expired',
      'The drain failed',
      'Was it free?',
    ]);
  });

  it('looks for what is too old, whatever becomes of the mailbox', () => {
    expect(drain.States['Drain the mailbox']).toMatchObject({
      Next: 'Check the freshness',
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Check the freshness' }],
    });
  });

  it('is valid Amazon States Language, for a validator and for the strict local interpreter', () => {
    expect(aslValidator(drain)).toMatchObject({ isValid: true, errors: [] });
    expect(() => parseDefinition(drain)).not.toThrow();
  });
});
