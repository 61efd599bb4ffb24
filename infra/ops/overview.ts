import { Duration } from 'aws-cdk-lib';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  SingleValueWidget,
  Stats,
  TextWidget,
  type Alarm,
  type IMetric,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { MetricName } from '../../shared/contract.ts';
import type { Environment } from '../environments/environment.ts';
import type { NoomStack } from '../noom/noom-stack.ts';
import type { PipelineStack } from '../pipeline/pipeline-stack.ts';
import type { StepFunction } from '../pipeline/step-function.ts';
import { measure } from './measures.ts';

export interface OverviewProps {
  readonly environment: Environment;
  readonly pipeline: PipelineStack;
  readonly noom: NoomStack | undefined;
  /** Of the pipeline, and of the NOOM API where there is one. */
  readonly functions: readonly StepFunction[];
  readonly alarms: readonly Alarm[];
}

/** One look: are we fresh, did it run, what changed, what is stuck, what does it cost. */
export function overview(
  scope: Construct,
  { environment, pipeline, noom, functions, alarms }: OverviewProps,
): Dashboard {
  const day = Duration.days(1);
  const daily = (...names: MetricName[]) => names.map((name) => measure(environment, name, day));
  const width = 12;
  const { stateMachine: run } = pipeline.refresh.machine;
  const { stateMachine: drain } = pipeline.drain.machine;
  return new Dashboard(scope, 'Overview', {
    dashboardName: `${environment.name}-ndop`,
    defaultInterval: Duration.days(28),
    widgets: [
      [
        new TextWidget({
          markdown: `# NDOP consents, ${environment.name}: what to do stands in docs/runbook.md`,
          width: 24,
          height: 1,
        }),
      ],
      [new AlarmStatusWidget({ title: 'What is wrong now', alarms: [...alarms], width: 24, height: 8 })],
      [
        new SingleValueWidget({
          title: 'Are we fresh? Days, and days left of the certificate',
          metrics: daily('DaysSinceLastSuccess', 'OldestAnswerAgeDays', 'StretchesExpired', 'MeshCertDaysToExpiry'),
          width: 24,
        }),
      ],
      [
        new GraphWidget({
          title: 'Did it run?',
          left: [run, drain].flatMap((machine): IMetric[] => [
            machine.metricSucceeded({ period: day }),
            machine.metricFailed({ period: day }),
            machine.metricTimedOut({ period: day }),
            machine.metricAborted({ period: day }),
          ]),
          width,
        }),
        new GraphWidget({
          title: 'What is stuck? Starts that were lost, the longest wait for a reply',
          left: [pipeline.unstarted.metricApproximateNumberOfMessagesVisible({ period: day })],
          right: daily('ReplyWaitSeconds'),
          width,
        }),
      ],
      [
        new GraphWidget({
          title: 'What changed?',
          left: daily('ConsentsActivated', 'ConsentsDeactivated'),
          right: daily('OptOutRatePct'),
          width,
        }),
        new GraphWidget({
          title: 'What was left undone?',
          left: daily('ConsentWriteFailures', 'PartsUnreconciled', 'RowsQuarantined', 'RunMarkerFailures'),
          right: daily('PeopleAnswered'),
          width,
        }),
      ],
      [
        new GraphWidget({ title: 'What costs: Consents written', left: daily('ConsentsWritten'), width }),
        new GraphWidget({
          title: 'What costs: time of the functions',
          left: functions.map((one) => one.metricDuration({ statistic: Stats.SUM, period: day })),
          stacked: true,
          width,
        }),
      ],
      ...(noom ? [callsOf(noom)] : []),
    ],
  });
}

/** How many calls, how many of them fail, and how long they take. */
function callsOf({ api: { stage } }: NoomStack): GraphWidget[] {
  const hour = Duration.hours(1);
  return [
    new GraphWidget({
      title: 'NOOM API: calls, and those that fail',
      left: [stage.metricCount({ period: hour })],
      right: [stage.metricClientError({ period: hour }), stage.metricServerError({ period: hour })],
      width: 12,
    }),
    new GraphWidget({
      title: 'NOOM API: milliseconds a call, half of them and all but one in a hundred',
      left: [50, 99].map((share) => stage.metricLatency({ period: hour, statistic: Stats.percentile(share) })),
      width: 12,
    }),
  ];
}
