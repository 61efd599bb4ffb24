import { EventField, Rule, RuleTargetInput, type IRuleTarget } from 'aws-cdk-lib/aws-events';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Construct } from 'constructs';

/** Of the rule, in the environment: the topic's policy lets EventBridge in for this one alone. */
export function statusChangesRule(environment: string): string {
  return `${environment}-execution-ended-badly`;
}

export interface StatusChangesProps {
  readonly environment: string;
  readonly stateMachines: readonly StateMachine[];
  readonly topic: ITopic;
}

/**
 * Tells the topic which execution ended badly, by the event of its end. Of an execution that was aborted, ran out of time or
 * broke a limit no Catch learns, so that nothing of ours could tell. Neither input, output nor cause is passed on.
 */
export function statusChanges(scope: Construct, { environment, stateMachines, topic }: StatusChangesProps): Rule {
  const machine = EventField.fromPath('$.detail.stateMachineArn');
  const name = EventField.fromPath('$.detail.name');
  const status = EventField.fromPath('$.detail.status');
  return new Rule(scope, 'ExecutionEndedBadly', {
    ruleName: statusChangesRule(environment),
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
      toTopic(
        topic,
        `${status}: execution ${name} of ${machine}. What to do: docs/runbook.md#the-run-failed, #the-drain-failed or #an-execution-was-cut-off`,
      ),
    ],
  });
}

/** Grants nothing: CDK's own target would let EventBridge in for any rule of any account. The data stack lets it in for this one. */
function toTopic(topic: ITopic, message: string): IRuleTarget {
  return { bind: () => ({ arn: topic.topicArn, input: RuleTargetInput.fromText(message), targetResource: topic }) };
}
