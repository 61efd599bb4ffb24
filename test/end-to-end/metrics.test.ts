import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { metricNamespace, metrics, metricService } from '../../shared/contract.ts';
import { linesOf, runLocal, Workplace } from '../support/local-command.ts';

interface Published {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [member: string]: unknown;
}

let workplace: Workplace;
beforeAll(async () => {
  workplace = await Workplace.open();
});
afterAll(() => workplace.close());

it('runs and drains publish every metric that is watched, as numbers that name nobody, by environment alone', async () => {
  const out = workplace.path('expired');
  const { code } = await runLocal(
    ...['--patients', '60', '--seed', '7', '--opt-out-rate', '0.1', '--scenario', 'expired', '--out', out],
  );
  expect(code).toBe(0);
  const published = (await linesOf<{ line: string }>(out, 'logs.ndjson')).flatMap(({ line }) =>
    line.startsWith('{"_aws"') ? [JSON.parse(line) as Published] : [],
  );

  const found = new Map<string, string>();
  for (const { _aws, service, environment, ...values } of published) {
    const [directive, ...others] = _aws.CloudWatchMetrics;
    expect({ service, environment, others }).toEqual({ service: metricService, environment: 'local', others: [] });
    expect(directive).toMatchObject({ Namespace: metricNamespace, Dimensions: [['service', 'environment']] });
    expect(Object.keys(values).sort()).toEqual(directive?.Metrics.map(({ Name }) => Name).sort());
    for (const { Name, Unit } of directive?.Metrics ?? []) found.set(Name, Unit);
    for (const value of Object.values(values)) {
      expect(value).toEqual(expect.any(Number));
      // Nine digits already name a person.
      expect(value).toBeLessThan(100_000_000);
    }
  }
  // MESH is reached without a certificate here.
  const watched = metrics.filter(([name]) => name !== 'MeshCertDaysToExpiry');
  expect(found).toEqual(new Map(watched));
});
