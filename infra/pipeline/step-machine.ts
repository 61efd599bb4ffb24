import { RemovalPolicy, type Duration } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, QueryLanguage, StateMachine, type IChainable } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';

export interface StepMachineProps {
  readonly comment: string;
  readonly start: IChainable;
  readonly timeout: Duration;
}

/** A Standard state machine in JSONata whose log says which states it went through, and nothing of their data. */
export function stepMachine(scope: Construct, { comment, start, timeout }: StepMachineProps): StateMachine {
  return new StateMachine(scope, 'StateMachine', {
    comment,
    queryLanguage: QueryLanguage.JSONATA,
    definitionBody: DefinitionBody.fromChainable(start),
    timeout,
    tracingEnabled: true,
    logs: {
      destination: new LogGroup(scope, 'Log', {
        retention: RetentionDays.THREE_MONTHS,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      level: LogLevel.ALL,
      includeExecutionData: false,
    },
  });
}
