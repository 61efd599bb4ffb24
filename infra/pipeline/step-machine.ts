import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import {
  CfnStateMachineAlias,
  CfnStateMachineVersion,
  CustomerManagedEncryptionConfiguration,
  DefinitionBody,
  LogLevel,
  QueryLanguage,
  StateMachine,
  type IChainable,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';
import type { PipelineLogs } from './pipeline-logs.ts';

/** Name of the alias that everything starts a state machine by. */
export const liveAlias = 'live';

export interface StepMachineProps {
  /** Unique in the account. */
  readonly name: string;
  readonly comment: string;
  readonly start: IChainable;
  readonly timeout: Duration;
  readonly logs: PipelineLogs;
}

/** A state machine, and the alias of its newest version: whoever starts it is told by that what was started. */
export interface LiveMachine {
  readonly stateMachine: StateMachine;
  readonly live: CfnStateMachineAlias;
}

/**
 * A Standard state machine in JSONata whose log says which states it went through, and nothing of their data. Each
 * deployment publishes a version of it, and earlier ones stay.
 */
export function stepMachine(
  scope: Construct,
  { name, comment, start, timeout, logs: { key, retention } }: StepMachineProps,
): LiveMachine {
  const stateMachine = new StateMachine(scope, 'StateMachine', {
    // A name of ours, for the role's rights on the key go by it.
    stateMachineName: name,
    comment,
    queryLanguage: QueryLanguage.JSONATA,
    definitionBody: DefinitionBody.fromChainable(start),
    timeout,
    tracingEnabled: true,
    // Of the key's ARN alone: the construct would open the key's own policy wider than the data stack does.
    encryptionConfiguration: new CustomerManagedEncryptionConfiguration(
      Key.fromKeyArn(scope, 'Key', key.keyArn),
      Duration.minutes(5),
    ),
    logs: {
      destination: new LogGroup(scope, 'Log', {
        // The prefix whose groups share one statement of the account's log policy, which has room for few.
        logGroupName: `/aws/vendedlogs/states/${name}`,
        encryptionKey: key,
        retention,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      level: LogLevel.ALL,
      includeExecutionData: false,
    },
  });
  const version = new CfnStateMachineVersion(scope, 'Version', {
    stateMachineArn: stateMachine.stateMachineArn,
    stateMachineRevisionId: stateMachine.stateMachineRevisionId,
  });
  version.applyRemovalPolicy(RemovalPolicy.RETAIN);
  const live = new CfnStateMachineAlias(scope, 'Live', {
    name: liveAlias,
    deploymentPreference: { stateMachineVersionArn: version.attrArn, type: 'ALL_AT_ONCE' },
  });
  return { stateMachine, live };
}
