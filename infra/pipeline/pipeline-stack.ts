import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { ContextAttribute, ScheduleGroup, ScheduleTargetInput } from 'aws-cdk-lib/aws-scheduler';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments/environment.ts';
import { DrainMailbox } from './drain-mailbox.ts';
import { LiveSchedule } from './live-schedule.ts';
import { RefreshConsents } from './refresh-consents.ts';
import { Steps } from './steps.ts';

export interface PipelineStackProps {
  readonly environment: Environment;
  readonly data: DataStack;
}

/** The run and the drain: their functions, their state machines and the schedules that start them. */
export class PipelineStack extends Stack {
  readonly steps: Steps;
  readonly refresh: RefreshConsents;
  readonly drain: DrainMailbox;
  /** Starts that EventBridge Scheduler could not make. */
  readonly unstarted: Queue;
  readonly schedules: ScheduleGroup;

  constructor(scope: Construct, id: string, { environment, data }: PipelineStackProps) {
    super(scope, id);
    const { name, account, cohort, fhir, keptDays, replies, plausibility, schedule, drain } = environment;
    const { key } = data;
    const logs = { key, retention: keptDays.logs };
    this.steps = new Steps(this, 'Steps', { environment, data, logs });
    this.refresh = new RefreshConsents(this, 'RefreshConsents', {
      name: `${name}-refresh-consents`,
      steps: this.steps,
      timeout: Duration.seconds(
        cohort.exportDeadlineSeconds +
          2 * replies.deadlineSeconds +
          plausibility.reviewSeconds +
          fhir.importDeadlineSeconds +
          86_400,
      ),
      logs,
    });
    this.drain = new DrainMailbox(this, 'DrainMailbox', { name: `${name}-drain-mailbox`, steps: this.steps, logs });

    this.unstarted = new Queue(this, 'Unstarted', {
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    this.schedules = new ScheduleGroup(this, 'Schedules', { removalPolicy: RemovalPolicy.DESTROY });
    const starts = { group: this.schedules, unstarted: this.unstarted, key, account };
    new LiveSchedule(this, 'Weekly', {
      ...starts,
      machine: this.refresh.machine,
      input: ScheduleTargetInput.fromObject({ trigger: 'schedule', scheduledTime: ContextAttribute.scheduledTime }),
      at: { weekDay: schedule.weekDay, hour: String(schedule.hour), minute: String(schedule.minute) },
      enabled: schedule.enabled,
    });
    new LiveSchedule(this, 'Daily', {
      ...starts,
      machine: this.drain.machine,
      input: ScheduleTargetInput.fromObject({}),
      at: { hour: String(drain.hour), minute: String(drain.minute) },
      enabled: drain.enabled,
    });

    // What the operator's command asks for by these names. It starts state machines by their aliases, as the schedules do.
    new CfnOutput(this, 'StateMachineArn', { value: this.refresh.machine.live.attrArn });
    new CfnOutput(this, 'DrainStateMachineArn', { value: this.drain.machine.live.attrArn });
    new CfnOutput(this, 'Bucket', { value: data.bucket.bucketName });
    new CfnOutput(this, 'Ledger', { value: data.ledger.tableName });
    new CfnOutput(this, 'Mailbox', { value: environment.mesh.mailbox });
    new CfnOutput(this, 'FhirBaseUrl', { value: data.stores.patients.baseUrl });
    new CfnOutput(this, 'ConsentBaseUrl', { value: data.stores.consents.baseUrl });
    new CfnOutput(this, 'FhirNamespace', { value: fhir.namespace });
    new CfnOutput(this, 'MaxAgeDays', { value: String(fhir.maxAgeDays) });
  }
}
