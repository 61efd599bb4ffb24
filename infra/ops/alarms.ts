import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  MathExpression,
  type Metric,
  Stats,
  TreatMissingData,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Environment } from '../environments/environment.ts';
import type { NoomStack } from '../noom/noom-stack.ts';
import type { PipelineStack } from '../pipeline/pipeline-stack.ts';
import type { StepFunction } from '../pipeline/step-function.ts';
import { measure } from './measures.ts';

export interface AlarmsProps {
  readonly environment: Environment;
  readonly pipeline: PipelineStack;
  readonly noom: NoomStack | undefined;
  /** Of the pipeline, and of the NOOM API where there is one. */
  readonly functions: readonly StepFunction[];
  readonly topic: ITopic;
}

interface Watched {
  /** Heading of its entry in the runbook. */
  readonly entry: string;
  /** What has happened, as a sentence. */
  readonly tells: string;
  readonly metric: IMetric;
  readonly above?: number;
  readonly below?: number;
  /** How many periods running; one where nothing is said. */
  readonly periods?: number;
  /** What a period without a value means. */
  readonly missing: TreatMissingData;
}

/** A run says how it went once, when it closes: what it said holds until the next one. */
const untilNextRun = TreatMissingData.IGNORE;
/** Nothing happened that could have gone wrong. */
const allIsWell = TreatMissingData.NOT_BREACHING;

/** An error that a retry has cured wakes nobody. */
const errorsInAnHour = 3;
/** Of few calls, one that fails is a large share. */
const faultsInAQuarter = 3;
/** A cold start takes one or two seconds, and the store less. */
const slowCallMilliseconds = 5_000;

/** Everything that tells the operators' topic, each with its entry in the runbook. */
export class Alarms extends Construct {
  readonly all: readonly Alarm[];
  readonly #environment: Environment;
  readonly #made: Alarm[] = [];
  readonly #action: SnsAction;

  constructor(scope: Construct, id: string, { environment, pipeline, noom, functions, topic }: AlarmsProps) {
    super(scope, id);
    this.#environment = environment;
    this.#action = new SnsAction(topic);
    this.#executions('Run', pipeline.refresh.machine.stateMachine);
    this.#executions('Drain', pipeline.drain.machine.stateMachine);
    this.#starts(pipeline);
    this.#logs();
    this.#freshness();
    this.#certificate();
    this.#outcomes();
    if (noom) this.#calls(noom);
    for (const one of functions) this.#function(one);
    this.all = this.#made;
  }

  #executions(what: 'Run' | 'Drain', machine: StateMachine): void {
    const period = Duration.minutes(5);
    const whose = what === 'Run' ? 'the run' : 'the daily drain';
    const alarm = (end: string, entry: string, tells: string, metric: Metric) => {
      this.#alarm(`${what}${end}`, { entry, tells, metric, above: 0, missing: allIsWell });
    };
    const cutOff = 'An execution was cut off';
    alarm(
      'Failed',
      `The ${what.toLowerCase()} failed`,
      `An execution of ${whose} has failed`,
      machine.metricFailed({ period }),
    );
    alarm('TimedOut', cutOff, `An execution of ${whose} ran out of its total time`, machine.metricTimedOut({ period }));
    alarm('Aborted', cutOff, `Somebody aborted an execution of ${whose}`, machine.metricAborted({ period }));
    alarm(
      'Throttled',
      'Step Functions throttles',
      `Step Functions holds up states of ${whose}: the account is at its limit`,
      machine.metricThrottled({ period }),
    );
  }

  #starts({ unstarted, schedules }: PipelineStack): void {
    const period = Duration.minutes(5);
    const entry = 'A start was lost';
    this.#alarm('StartUndelivered', {
      ...{ entry, tells: 'EventBridge Scheduler could not start an execution and left the start in its queue' },
      metric: unstarted.metricApproximateNumberOfMessagesVisible({ period, statistic: Stats.MAXIMUM }),
      ...{ above: 0, missing: allIsWell },
    });
    this.#alarm('StartDropped', {
      ...{ entry, tells: 'EventBridge Scheduler has given up starting an execution' },
      ...{ metric: schedules.metricDropped({ period }), above: 0, missing: allIsWell },
    });
    this.#alarm('StartUnkept', {
      ...{ entry, tells: 'EventBridge Scheduler could not leave a start in its queue either' },
      ...{ metric: schedules.metricFailedToBeSentToDLQ(undefined, { period }), above: 0, missing: allIsWell },
    });
  }

  /**
   * Over all log groups of the account, which is for this alone, and whatever dimensions CloudWatch gives the metric: one alarm
   * then does. Assumed, and to be verified: that each log group counts its findings under this name.
   * Source: Amazon CloudWatch Logs User Guide, "Monitoring with CloudWatch metrics".
   */
  #logs(): void {
    const period = Duration.minutes(5);
    this.#alarm('NumberLogged', {
      entry: 'A log may hold an NHS number',
      tells: 'Something that looks like an NHS number was logged, and masked',
      metric: new MathExpression({
        expression: 'SELECT SUM(LogEventsWithFindings) FROM "AWS/Logs"',
        label: 'Log events with something to mask',
        period,
      }),
      ...{ above: 0, missing: allIsWell },
    });
  }

  #freshness(): void {
    const { fhir, replies, schedule } = this.#environment;
    const day = Duration.days(1);
    this.#alarm('NoRun', {
      entry: 'No run has completed lately',
      tells:
        'No run has completed for nine days, or nobody looks any more: the daily drain has not measured it for two',
      metric: measure(this.#environment, 'DaysSinceLastSuccess', day),
      // A weekly run, and two days.
      ...{ above: 9, periods: 2, missing: expectedIf(schedule.enabled) },
    });
    const oldest = Math.floor((fhir.maxAgeDays * 2) / 3);
    this.#alarm('OldAnswers', {
      entry: 'The answers grow old',
      tells: `The oldest answer that vouches for somebody is more than ${oldest} days old; at ${fhir.maxAgeDays} its Consents are deleted`,
      metric: measure(this.#environment, 'OldestAnswerAgeDays', day),
      // Not measured where nobody is vouched for; where nothing is measured at all, the alarm on runs says so.
      ...{ above: oldest, missing: allIsWell },
    });
    this.#alarm('AnswersExpired', {
      entry: 'Answers have expired',
      tells: 'Answers are too old to stand, and the Consents that rest on them are deleted',
      ...{ metric: measure(this.#environment, 'StretchesExpired', day), above: 0, missing: allIsWell },
    });
    this.#alarm('ReplyLong', {
      entry: 'A reply is long in coming',
      tells: 'A request has been out for half of its deadline without an answer',
      metric: measure(this.#environment, 'ReplyWaitSeconds', Duration.hours(1)),
      // Where MESH is away for some hours, nobody can tell whether the reply is there.
      ...{ above: replies.deadlineSeconds / 2, missing: untilNextRun },
    });
  }

  #certificate(): void {
    const metric = measure(this.#environment, 'MeshCertDaysToExpiry', Duration.days(1));
    const entry = 'The MESH certificate runs out';
    this.#alarm('CertificateDue', {
      ...{ entry, tells: 'The certificate that we show MESH lasts for less than 60 days, or is not measured' },
      ...{ metric, below: 60, periods: 2, missing: expectedIf(this.#environment.drain.enabled) },
    });
    this.#alarm('CertificateUrgent', {
      ...{ entry, tells: 'The certificate that we show MESH lasts for less than 14 days' },
      ...{ metric, below: 14, missing: allIsWell },
    });
  }

  #outcomes(): void {
    const { rateGateFrom, maxOptOutPercent } = this.#environment.plausibility;
    const period = Duration.hours(1);
    const rate = measure(this.#environment, 'OptOutRatePct', period);
    const answered = measure(this.#environment, 'PeopleAnswered', period);
    const quarantined = measure(this.#environment, 'RowsQuarantined', period);
    this.#alarm('OptOutRate', {
      entry: 'The share of opted-out people is unusual',
      tells: `Of the people answered about nobody has opted out, or more than ${maxOptOutPercent} %`,
      metric: new MathExpression({
        expression: `IF(answered >= ${rateGateFrom} AND (rate > ${maxOptOutPercent} OR rate <= 0), 1, 0)`,
        usingMetrics: { answered, rate },
        label: 'Unusual share',
        period,
      }),
      ...{ above: 0, missing: untilNextRun },
    });
    this.#alarm('RowsQuarantined', {
      entry: 'Many rows are set aside',
      tells: 'More than one row in a hundred could not be asked about',
      metric: new MathExpression({
        expression: '100 * quarantined / (quarantined + answered)',
        usingMetrics: { quarantined, answered },
        label: 'Rows set aside, in percent',
        period,
      }),
      ...{ above: 1, missing: untilNextRun },
    });
    this.#alarm('ConsentWrites', {
      entry: 'Consents could not be written',
      tells: 'The FHIR store did not take some Consents: they are set aside',
      ...{ metric: measure(this.#environment, 'ConsentWriteFailures', period), above: 0, missing: untilNextRun },
    });
    this.#alarm('RunMarker', {
      entry: 'The FHIR store is not marked as fresh',
      tells: 'The FHIR store refused the marker of a run: consumers go by the one before',
      ...{ metric: measure(this.#environment, 'RunMarkerFailures', period), above: 0, missing: untilNextRun },
    });
    this.#alarm('PartsUnreconciled', {
      entry: 'Parts have no usable answer',
      tells: 'A run has completed without some parts of the cohort: these keep what was known of them',
      ...{ metric: measure(this.#environment, 'PartsUnreconciled', period), above: 0, missing: untilNextRun },
    });
  }

  /** Whoever calls has somebody waiting: an hour is too long to learn of it. */
  #calls({ api: { stage } }: NoomStack): void {
    const quarter = Duration.minutes(15);
    this.#alarm('NoomFaults', {
      entry: 'The NOOM API fails',
      tells: `Within a quarter of an hour ${faultsInAQuarter} calls or more, and more than one in a hundred, were answered with 5xx`,
      metric: new MathExpression({
        expression: `IF(FILL(faults, 0) >= ${faultsInAQuarter} AND 100 * FILL(faults, 0) > calls, 1, 0)`,
        usingMetrics: {
          faults: stage.metricServerError({ period: quarter }),
          calls: stage.metricCount({ period: quarter }),
        },
        label: 'Too many faults',
        period: quarter,
      }),
      ...{ above: 0, missing: allIsWell },
    });
    this.#alarm('NoomSlow', {
      entry: 'The NOOM API is slow',
      tells: `One call in a hundred takes more than ${slowCallMilliseconds / 1_000} seconds, for a quarter of an hour`,
      metric: stage.metricLatency({ period: Duration.minutes(5), statistic: Stats.percentile(99) }),
      ...{ above: slowCallMilliseconds, periods: 3, missing: allIsWell },
    });
  }

  /** One alarm a function, not three: its entry says how to tell errors, throttling and slowness apart. */
  #function(one: StepFunction): void {
    const period = Duration.hours(1);
    // Where none is given, Lambda's own is three seconds.
    const limit = one.timeout ?? Duration.seconds(3);
    const name = one.node.id;
    const slow = 0.8 * limit.toMilliseconds();
    this.#alarm(`Step${name}`, {
      entry: 'A function struggles',
      tells: `${name} has failed ${errorsInAnHour} times within an hour, was throttled, or takes more than 80 % of its time limit`,
      metric: new MathExpression({
        expression: `IF(FILL(errors, 0) >= ${errorsInAnHour} OR FILL(throttles, 0) > 0 OR FILL(slowest, 0) > ${slow}, 1, 0)`,
        usingMetrics: {
          errors: one.metricErrors({ period }),
          throttles: one.metricThrottles({ period }),
          slowest: one.metricDuration({ period, statistic: Stats.percentile(99) }),
        },
        label: `${name} struggles`,
        period,
      }),
      ...{ above: 0, missing: allIsWell },
    });
  }

  #alarm(id: string, { entry, tells, metric, above, below, periods = 1, missing }: Watched): void {
    const alarm = new Alarm(this, id, {
      alarmDescription: `${entry}. ${tells}. What to do: docs/runbook.md#${anchorOf(entry)}`,
      metric,
      threshold: above ?? below ?? 0,
      comparisonOperator:
        below === undefined ? ComparisonOperator.GREATER_THAN_THRESHOLD : ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: missing,
    });
    alarm.addAlarmAction(this.#action);
    this.#made.push(alarm);
  }
}

/** What the daily drain measures: nothing of it means that something is broken, once it is to be expected. */
function expectedIf(isEnabled: boolean): TreatMissingData {
  return isEnabled ? TreatMissingData.BREACHING : allIsWell;
}

/** Of a heading, as Markdown viewers make it. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(' ', '-');
}
