import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { Schedule, ScheduleExpression, ScheduleTargetInput, ContextAttribute } from 'aws-cdk-lib/aws-scheduler';
import { StepFunctionsStartExecution } from 'aws-cdk-lib/aws-scheduler-targets';
import { TimeZone } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments/environment.ts';
import { RefreshConsents } from './refresh-consents.ts';
import { DrainMailbox } from './drain-mailbox.ts';
import { Steps } from './steps.ts';

export interface PipelineStackProps {
  readonly environment: Environment;
  readonly data: DataStack;
}

/** The run: its functions, its state machine and the schedule that starts it. */
export class PipelineStack extends Stack {
  constructor(scope: Construct, id: string, { environment, data }: PipelineStackProps) {
    super(scope, id);
    const { cohort, fhir, replies, plausibility, schedule, drain } = environment;
    const steps = new Steps(this, 'Steps', { environment, data });
    const { stateMachine } = new RefreshConsents(this, 'RefreshConsents', {
      steps,
      timeout: Duration.seconds(
        cohort.exportDeadlineSeconds +
          2 * replies.deadlineSeconds +
          plausibility.reviewSeconds +
          fhir.importDeadlineSeconds +
          86_400,
      ),
    });

    new Schedule(this, 'Weekly', {
      // Kept outside 01:00 to 02:00, the hour that the clocks change in.
      schedule: ScheduleExpression.cron({
        weekDay: schedule.weekDay,
        hour: String(schedule.hour),
        minute: String(schedule.minute),
        timeZone: TimeZone.EUROPE_LONDON,
      }),
      enabled: schedule.enabled,
      target: new StepFunctionsStartExecution(stateMachine, {
        input: ScheduleTargetInput.fromObject({ trigger: 'schedule', scheduledTime: ContextAttribute.scheduledTime }),
        retryAttempts: 10,
        maxEventAge: Duration.hours(2),
      }),
    });

    const { stateMachine: drainStateMachine } = new DrainMailbox(this, 'DrainMailbox', { steps });
    new Schedule(this, 'Daily', {
      schedule: ScheduleExpression.cron({
        hour: String(drain.hour),
        minute: String(drain.minute),
        timeZone: TimeZone.EUROPE_LONDON,
      }),
      enabled: drain.enabled,
      target: new StepFunctionsStartExecution(drainStateMachine, {
        input: ScheduleTargetInput.fromObject({}),
        retryAttempts: 10,
        maxEventAge: Duration.hours(2),
      }),
    });

    // What the operator's command asks for by these names.
    new CfnOutput(this, 'StateMachineArn', { value: stateMachine.stateMachineArn });
    new CfnOutput(this, 'DrainStateMachineArn', { value: drainStateMachine.stateMachineArn });
    new CfnOutput(this, 'Bucket', { value: data.bucket.bucketName });
    new CfnOutput(this, 'Ledger', { value: data.ledger.tableName });
    new CfnOutput(this, 'Mailbox', { value: environment.mesh.mailbox });
    new CfnOutput(this, 'FhirBaseUrl', { value: fhir.baseUrl });
    new CfnOutput(this, 'ConsentBaseUrl', { value: fhir.consentBaseUrl ?? fhir.baseUrl });
    new CfnOutput(this, 'FhirNamespace', { value: fhir.namespace });
    new CfnOutput(this, 'MaxAgeDays', { value: String(fhir.maxAgeDays) });
  }
}
