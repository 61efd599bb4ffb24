import type { Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { metricNamespace, metricService, type MetricName } from '../../shared/contract.ts';
import type { Environment } from '../environments/environment.ts';

/** A metric that the functions of an environment publish; its largest value in each period. */
export function measure({ name }: Environment, metricName: MetricName, period: Duration): Metric {
  return new Metric({
    namespace: metricNamespace,
    metricName,
    dimensionsMap: { service: metricService, environment: name },
    statistic: Stats.MAXIMUM,
    period,
  });
}
