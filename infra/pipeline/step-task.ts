import { Duration } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  IntegrationPattern,
  JitterType,
  QueryLanguage,
  TaskInput,
  Timeout,
  type RetryProps,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke, type LambdaInvokeProps } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { retryable } from '../../shared/errors.ts';
import type { StepFunction } from './step-function.ts';

export interface StepTaskProps {
  readonly step: StepFunction;
  /** What the step is given; JSONata in `{% %}`. */
  readonly payload: Record<string, unknown>;
  /** A little more than the function's own limit; or a reviewer's time, as JSONata that gives seconds. */
  readonly timeout: Duration | string;
  readonly assign?: Record<string, unknown>;
  /** What the state passes on; its own input where nothing is said. */
  readonly outputs?: string;
  /** Errors that are worth more patience than the others. */
  readonly patience?: RetryProps;
  /** Wait until somebody answers with the task token. */
  readonly waitForToken?: boolean;
}

/** Faults of the Lambda service itself; a function that ran out of time may get further when it starts again. */
const lambdaFaults = [
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.TooManyRequestsException',
  'Sandbox.Timedout',
];

/**
 * Invokes the version of a step that is newest when its state machine is deployed, with rights on every version: a run that
 * is under way goes on with the definition, and so with the versions, that it began with.
 */
class VersionInvoke extends LambdaInvoke {
  protected override readonly taskPolicies: PolicyStatement[];

  constructor(scope: Construct, name: string, step: StepFunction, props: Omit<LambdaInvokeProps, 'lambdaFunction'>) {
    super(scope, name, { ...props, lambdaFunction: step.published, queryLanguage: QueryLanguage.JSONATA });
    this.taskPolicies = [
      new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [`${step.functionArn}:*`] }),
    ];
  }
}

/** A state that runs one Lambda step, with a time limit and retries by named errors. Its Catch is the caller's. */
export function stepTask(scope: Construct, name: string, props: StepTaskProps): LambdaInvoke {
  const task = new VersionInvoke(scope, name, props.step, {
    payload: TaskInput.fromObject(props.payload),
    integrationPattern:
      props.waitForToken === true ? IntegrationPattern.WAIT_FOR_TASK_TOKEN : IntegrationPattern.REQUEST_RESPONSE,
    taskTimeout: typeof props.timeout === 'string' ? Timeout.jsonata(props.timeout) : Timeout.duration(props.timeout),
    retryOnServiceExceptions: false,
    outputs: props.outputs ?? '{% $states.input %}',
    ...(props.assign ? { assign: props.assign } : {}),
  });
  if (props.patience) task.addRetry(props.patience);
  task.addRetry({
    errors: [...retryable, ...lambdaFaults],
    interval: Duration.seconds(10),
    maxAttempts: 6,
    backoffRate: 2,
    maxDelay: Duration.minutes(5),
    jitterStrategy: JitterType.FULL,
  });
  return task;
}
