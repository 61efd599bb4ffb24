import { join } from 'node:path';
import { readFile, readdir } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { synthesize } from '../../local/assembly/synthesize.ts';
import { parseDefinition } from '../../local/step-functions/definition.ts';
import { statesOf, type States } from './definition-shape.ts';
import { readDefinitions, root } from './definitions.ts';

let definition: States;
let drain: States;
let states: ReturnType<typeof statesOf>;

beforeAll(async () => {
  ({ refresh: definition, drain } = await readDefinitions());
  states = statesOf(definition);
}, 240_000);

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

  it('is one that the strict local interpreter takes', () => {
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
      statesOf(drain)
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

  it('is one that the strict local interpreter takes', () => {
    expect(() => parseDefinition(drain)).not.toThrow();
  });
});
