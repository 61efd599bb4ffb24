import { Metrics } from '@aws-lambda-powertools/metrics';
import { metricNamespace, metrics, metricService, type MetricName } from './contract.ts';

/** Values by the names that alarms and dashboard know them by; what is not known is left out. */
export type Measured = Partial<Record<MetricName, number>>;

/** Publishes metrics of one environment, each time as a line of the log that CloudWatch makes them of. */
export function metricsOf(environment: string): (measured: Measured) => void {
  const published = new Metrics({
    namespace: metricNamespace,
    serviceName: metricService,
    defaultDimensions: { environment },
  });
  return (measured) => {
    for (const [name, unit] of metrics) {
      const value = measured[name];
      if (value !== undefined) published.addMetric(name, unit, value);
    }
    published.publishStoredMetrics();
  };
}
