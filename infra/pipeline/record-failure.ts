import { Duration } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Fail } from 'aws-cdk-lib/aws-stepfunctions';
import type { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { stepTask } from './step-task.ts';

export interface RecordFailureProps {
  readonly step: IFunction;
  /** Which run failed, or what else, and at which stage; JSONata in `{% %}`. */
  readonly about: { readonly runId: string | null; readonly what?: string; readonly stage: string };
  /** The state that an execution ends in, and where it sends its reader. */
  readonly ending: { readonly name: string; readonly cause: string };
}

/**
 * The state "Record the failure" and the end behind it, for the last Catch of a state machine, which has assigned `error`.
 * The execution fails under the name of that error, also where recording it fails.
 */
export function recordFailure(scope: Construct, { step, about, ending }: RecordFailureProps): LambdaInvoke {
  const failed = Fail.jsonata(scope, ending.name, { error: '{% $error.Error %}', cause: ending.cause });
  const task = stepTask(scope, 'Record the failure', {
    step,
    payload: {
      ...about,
      execution: '{% $states.context.Execution.Id %}',
      startedAt: '{% $states.context.Execution.StartTime %}',
      error: '{% $error %}',
    },
    timeout: Duration.minutes(2),
  });
  task.addCatch(failed, { errors: ['States.ALL'] }).next(failed);
  return task;
}
