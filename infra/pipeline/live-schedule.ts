import { Duration, Stack, TimeZone } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Schedule,
  ScheduleExpression,
  type CronOptionsWithTimezone,
  type ScheduleGroup,
  type ScheduleTargetInput,
} from 'aws-cdk-lib/aws-scheduler';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { liveAlias, type LiveMachine } from './step-machine.ts';

export interface LiveScheduleProps {
  readonly machine: LiveMachine;
  readonly input: ScheduleTargetInput;
  /** In London's time, and outside 01:00 to 02:00, the hour that the clocks change in. */
  readonly at: CronOptionsWithTimezone;
  readonly enabled: boolean;
  readonly group: ScheduleGroup;
  /** Where a start goes that could not be made. */
  readonly unstarted: Queue;
  readonly key: IKey;
  readonly account: string;
}

/** Starts the live version of a state machine, as a role that may do nothing else. */
export class LiveSchedule extends Construct {
  constructor(scope: Construct, id: string, props: LiveScheduleProps) {
    super(scope, id);
    const { machine, input, at, enabled, group, unstarted } = props;
    const role = this.#role(props);
    new Schedule(this, 'Schedule', {
      schedule: ScheduleExpression.cron({ ...at, timeZone: TimeZone.EUROPE_LONDON }),
      enabled,
      scheduleGroup: group,
      target: {
        bind: () => ({
          arn: machine.live.attrArn,
          role,
          input,
          retryPolicy: { maximumRetryAttempts: 10, maximumEventAgeInSeconds: Duration.hours(2).toSeconds() },
          deadLetterConfig: { arn: unstarted.queueArn },
        }),
      },
    });
  }

  #role({ machine, group, unstarted, key, account }: LiveScheduleProps): Role {
    const role = new Role(this, 'Role', {
      description: 'EventBridge Scheduler starts the live version of one state machine',
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account, 'aws:SourceArn': group.scheduleGroupArn } },
      }),
    });
    // Rights on an alias go by the state machine's ARN and the alias' name: a statement about the alias' ARN allows nothing.
    // Source: Step Functions Developer Guide, "Authorization for versions and aliases".
    role.addToPolicy(
      new PolicyStatement({
        actions: ['states:StartExecution'],
        resources: [machine.stateMachine.stateMachineArn],
        conditions: { 'ForAnyValue:StringEquals': { 'states:StateMachineQualifier': liveAlias } },
      }),
    );
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [unstarted.queueArn] }));
    // To be verified with the first start that is left in the queue: AWS's page shows the role's right on the key without a condition.
    role.addToPolicy(
      new PolicyStatement({
        actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
        resources: [key.keyArn],
        conditions: { StringEquals: { 'kms:ViaService': `sqs.${Stack.of(this).region}.amazonaws.com` } },
      }),
    );
    return role;
  }
}
