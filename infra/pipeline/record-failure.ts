import { Duration } from 'aws-cdk-lib';
import { Fail } from 'aws-cdk-lib/aws-stepfunctions';
import type { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import type { StepFunction } from './step-function.ts';
import { stepTask } from './step-task.ts';

export interface RecordFailureProps {
  readonly step: StepFunction;
  /** Which run failed, or what else; JSONata in `{% %}`. */
  readonly about: { readonly runId: string | null; readonly what?: string };
  /** The state that an execution ends in, and where it sends its reader. */
  readonly ending: { readonly name: string; readonly cause: string };
}

/**
 * What the last Catch of every state assigns: what happened, and where. One variable, for both are known or neither is,
 * and none by the name `error`: where nothing is assigned to it, that is a function of JSONata.
 */
export const remembered = {
  stopped: { error: '{% $states.errorOutput %}', stage: '{% $states.context.State.Name %}' },
};

/**
 * The state "Record the failure" and the end behind it, for whatever has assigned `stopped`.
 * The execution fails under the name of that error, also where recording it fails.
 */
export function recordFailure(scope: Construct, { step, about, ending }: RecordFailureProps): LambdaInvoke {
  const failed = Fail.jsonata(scope, ending.name, { error: '{% $stopped.error.Error %}', cause: ending.cause });
  const task = stepTask(scope, 'Record the failure', {
    step,
    payload: {
      ...about,
      execution: '{% $states.context.Execution.Id %}',
      startedAt: '{% $states.context.Execution.StartTime %}',
      stage: '{% $stopped.stage %}',
      error: '{% $stopped.error %}',
    },
    timeout: Duration.minutes(2),
  });
  task.addCatch(failed, { errors: ['States.ALL'] }).next(failed);
  return task;
}
