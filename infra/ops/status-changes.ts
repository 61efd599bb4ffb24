import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';

export interface StatusChangesProps {
  readonly stateMachines: readonly StateMachine[];
  readonly topic: ITopic;
}

/**
 * Tells the topic which execution ended badly, by the event of its end. Of an execution that was aborted, ran out of time or
 * broke a limit no Catch learns, so that nothing of ours could tell. Neither input, output nor cause is passed on. The target
 * itself lets EventBridge in, in the policies of the topic and of its key.
 */
export function statusChanges(scope: Construct, { stateMachines, topic }: StatusChangesProps): Rule {
  const machine = EventField.fromPath('$.detail.stateMachineArn');
  const name = EventField.fromPath('$.detail.name');
  const status = EventField.fromPath('$.detail.status');
  return new Rule(scope, 'ExecutionEndedBadly', {
    description: 'Executions that failed, timed out or were aborted',
    eventPattern: {
      source: ['aws.states'],
      detailType: ['Step Functions Execution Status Change'],
      detail: {
        status: ['FAILED', 'TIMED_OUT', 'ABORTED'],
        stateMachineArn: stateMachines.map(({ stateMachineArn }) => stateMachineArn),
      },
    },
    targets: [
      new SnsTopic(topic, {
        message: RuleTargetInput.fromText(
          `${status}: execution ${name} of ${machine}. What to do: docs/runbook.md#the-run-failed, #the-drain-failed or #an-execution-was-cut-off`,
        ),
      }),
    ],
  });
}
