import type {
  TestStateInput,
  TestStateOutput,
  ValidateStateMachineDefinitionInput,
  ValidateStateMachineDefinitionOutput,
} from '@aws-sdk/client-sfn';
import type { States } from '../infra/definition-shape.ts';
import { difference, type Expected, type StateCase, stateCases } from './state-cases.ts';

/** What is asked of Step Functions itself; neither call starts or keeps anything. */
export interface Cloud {
  readonly validate: (input: ValidateStateMachineDefinitionInput) => Promise<ValidateStateMachineDefinitionOutput>;
  readonly testState: (input: TestStateInput) => Promise<TestStateOutput>;
}

/** Lets Step Functions judge both definitions, and visit the states that the local interpreter visits. Gives what is wrong. */
export async function checkDefinitions(
  definitions: Readonly<Record<StateCase['machine'], States>>,
  { validate, testState }: Cloud,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [name, definition] of Object.entries(definitions)) {
    const { result, diagnostics = [] } = await validate({ definition: JSON.stringify(definition), type: 'STANDARD' });
    if (result !== 'OK')
      wrong.push(...[`${name}: not valid`, ...diagnostics.map(({ message }) => `  ${message ?? ''}`)]);
  }
  for (const one of stateCases) {
    const got = await testState(inputOf(one, definitions[one.machine]));
    const found = difference(one, outcomeOf(got));
    if (found !== undefined) wrong.push(`${one.machine}, ${one.state}: ${one.about}: ${found}`);
  }
  return wrong;
}

/** More than any retrier tries: what is caught is caught, not tried again. */
const triesUsedUp = 99;

function inputOf(
  { state, variables = {}, input = {}, result, failure }: StateCase,
  definition: States,
): TestStateInput {
  const isTask = definition.States[state]?.Type === 'Task';
  const answer = isTask ? { ExecutedVersion: '1', Payload: result, StatusCode: 200 } : result;
  return {
    definition: JSON.stringify(definition),
    stateName: state,
    input: JSON.stringify(input),
    variables: JSON.stringify(variables),
    context: JSON.stringify(contextOf(state)),
    // What the variables hold afterwards is told at this level alone.
    inspectionLevel: 'DEBUG',
    ...(failure === undefined
      ? {}
      : {
          mock: { errorOutput: { error: failure, cause: '{}' } },
          stateConfiguration: { retrierRetryCount: triesUsedUp },
        }),
    ...(result === undefined ? {} : { mock: { result: JSON.stringify(answer), fieldValidationMode: 'PRESENT' } }),
  };
}

function contextOf(state: string): object {
  const at = '2026-09-01T02:00:00.000Z';
  const machine = 'arn:aws:states:eu-west-2:000000000000:stateMachine:tested';
  return {
    Execution: { Id: `${machine.replace('stateMachine', 'execution')}:one`, Name: 'one', StartTime: at, Input: {} },
    StateMachine: { Id: machine, Name: 'tested' },
    State: { Name: state, EnteredTime: at, RetryCount: 0 },
  };
}

function outcomeOf({ status, nextState, error, output, inspectionData }: TestStateOutput): Expected {
  const parsed = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));
  return {
    ...(nextState === undefined ? {} : { next: nextState }),
    // A caught error is told too.
    ...(status === 'FAILED' && error !== undefined ? { error } : {}),
    output: parsed(output),
    variables: (parsed(inspectionData?.variables) ?? {}) as Readonly<Record<string, unknown>>,
  };
}
