import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, test } from '@jest/globals';
import { metricNamespace, metrics, metricService } from '../../shared/contract.ts';
import { permanent, retryable } from '../../shared/errors.ts';

interface Metric {
  readonly MetricName: string;
  readonly Namespace: string;
  readonly Dimensions?: readonly { readonly Name: string; readonly Value: unknown }[];
}
interface Alarm extends Partial<Metric> {
  readonly AlarmDescription: string;
  readonly AlarmActions: readonly unknown[];
  readonly ComparisonOperator: string;
  readonly EvaluationPeriods: number;
  readonly Threshold: number;
  readonly TreatMissingData: string;
  readonly Period?: number;
  readonly Metrics?: readonly { readonly Expression?: string; readonly MetricStat?: { readonly Metric: Metric } }[];
}
interface Resource<Properties> {
  readonly Type: string;
  readonly Properties: Properties;
}
interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Principal: { readonly Service?: string };
}

const root = join(import.meta.dirname, '../..');
let runbook: string;
let anchors: Set<string>;
let templates: Record<'data' | 'pipeline' | 'ops', Record<string, Resource<unknown>>>;
let drained: typeof templates;
let live: typeof templates;
let withApi: typeof templates;

/** The templates of an environment that the app has. */
async function templatesOf(directory: string, environment: string): Promise<typeof templates> {
  const stage = join(directory, `assembly-${environment}`);
  const files = await readdir(stage);
  const read = async (stack: string) => {
    const file = files.find((name) => name.startsWith(environment + stack) && name.endsWith('.template.json')) ?? '';
    return (JSON.parse(await readFile(join(stage, file), 'utf8')) as { Resources: Record<string, Resource<unknown>> })
      .Resources;
  };
  return { data: await read('data'), pipeline: await read('pipeline'), ops: await read('ops') };
}

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ndop-synth-'));
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'ops-app.ts')], {
    env: { ...process.env, NODE_OPTIONS: '', CDK_OUTDIR: directory },
  });
  templates = await templatesOf(directory, 'dev');
  drained = await templatesOf(directory, 'drained');
  live = await templatesOf(directory, 'live');
  withApi = await templatesOf(directory, 'api');
  await rm(directory, { recursive: true });
  runbook = await readFile(join(root, 'docs/runbook.md'), 'utf8');
  anchors = new Set(
    runbook
      .split('\n')
      .flatMap((line) => /^#+ (.+)$/.exec(line)?.[1] ?? [])
      .map(anchorOf),
  );
}, 240_000);

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');

function resources<Properties>(type: string, of = templates.ops): [name: string, properties: Properties][] {
  return Object.entries(of).flatMap(([name, resource]) =>
    resource.Type === type ? [[name, resource.Properties as Properties]] : [],
  );
}
/** Alarms by their ids, without the hash behind. */
const alarms = (of = templates.ops) =>
  new Map(
    resources<Alarm>('AWS::CloudWatch::Alarm', of).map(([name, alarm]) => [name.slice('Alarms'.length, -8), alarm]),
  );
const entryOf = ({ AlarmDescription }: Alarm) => /docs\/runbook\.md#(\S+)$/.exec(AlarmDescription)?.[1];
const metricsOf = (alarm: Alarm): Metric[] => [
  ...(alarm.MetricName !== undefined && alarm.Namespace !== undefined ? [alarm as Alarm & Metric] : []),
  ...(alarm.Metrics ?? []).flatMap(({ MetricStat }) => MetricStat?.Metric ?? []),
];

describe('every alarm', () => {
  it('tells the operators’ topic, and says where the runbook has it', () => {
    const topics = resources('AWS::SNS::Topic', templates.data).map(([name]) => name);
    expect(topics).toHaveLength(1);
    for (const [name, alarm] of alarms(withApi.ops)) {
      expect({ name, actions: alarm.AlarmActions.length }).toEqual({ name, actions: 1 });
      expect(JSON.stringify(alarm.AlarmActions)).toContain(topics[0]);
      expect({ name, entry: anchors.has(entryOf(alarm) ?? '') }).toEqual({ name, entry: true });
    }
  });

  it('says what a period without a value means', () => {
    const treated = (treatment: string, of = templates.ops) =>
      [...alarms(of)].flatMap(([name, { TreatMissingData }]) => (TreatMissingData === treatment ? [name] : [])).sort();
    // Nothing is to be expected before it is enabled.
    expect(treated('breaching')).toEqual([]);
    expect(treated('breaching', drained.ops)).toEqual(['CertificateDue']);
    expect(treated('breaching', live.ops)).toEqual(['CertificateDue', 'NoRun']);
    const untilNextRun = [
      'ConsentWrites',
      'OptOutRate',
      'PartsUnreconciled',
      'ReplyLong',
      'RowsQuarantined',
      'RunMarker',
    ];
    expect(treated('ignore')).toEqual(untilNextRun);
    expect(treated('notBreaching').length + untilNextRun.length).toBe(alarms().size);
  });

  it('is one of 23, or of one a function: what they cost stands in the runbook', () => {
    const functions = resources('AWS::Lambda::Function', templates.pipeline).length;
    expect([...alarms().keys()].filter((name) => name.startsWith('Step')).length).toBe(functions);
    expect(alarms().size).toBe(functions + 23);
    expect(runbook.replace(/\s+/g, ' ')).toContain(
      `There are 23, and one for each of the ${functions} functions, ${functions + 23} in all`,
    );
  });

  it('of the API is there with it alone: three more', () => {
    const before = alarms();
    const more = [...alarms(withApi.ops)].filter(([name]) => !before.has(name));
    expect(more.map(([name, { TreatMissingData }]) => [name, TreatMissingData])).toEqual([
      ['NoomFaults', 'notBreaching'],
      ['NoomSlow', 'notBreaching'],
      ['StepNoom', 'notBreaching'],
    ]);
    expect(alarms(withApi.ops).size).toBe(before.size + 3);
    expect(runbook.replace(/\s+/g, ' ')).toContain('The NOOM API, where it is enabled, has three more');
  });

  it('and the dashboard look at metrics that the functions publish, in their environment', () => {
    const known = new Set<string>(metrics.map(([name]) => name));
    const ours = [...alarms().values()].flatMap(metricsOf).filter(({ Namespace }) => Namespace === metricNamespace);
    expect(ours.length).toBeGreaterThan(10);
    for (const { MetricName, Dimensions } of ours) {
      expect({ MetricName, isKnown: known.has(MetricName) }).toEqual({ MetricName, isKnown: true });
      expect(Dimensions).toEqual(
        expect.arrayContaining([
          { Name: 'service', Value: metricService },
          { Name: 'environment', Value: 'dev' },
        ]),
      );
      expect(Dimensions).toHaveLength(2);
    }
    const [[, dashboard] = []] = resources('AWS::CloudWatch::Dashboard');
    const shown = [
      ...JSON.stringify(dashboard).matchAll(
        /\\"ndop\\",\\"(\w+)\\",\\"environment\\",\\"dev\\",\\"service\\",\\"ndop\\"/g,
      ),
    ].map(([, name = '']) => name);
    // Each is looked at somewhere: one that nobody looks at need not be published.
    expect(new Set([...shown, ...ours.map(({ MetricName }) => MetricName)])).toEqual(known);
  });
});

describe('the limits', () => {
  test.each([
    { alarm: 'RunFailed', metric: 'ExecutionsFailed', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'RunTimedOut', metric: 'ExecutionsTimedOut', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'RunAborted', metric: 'ExecutionsAborted', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'RunThrottled', metric: 'ExecutionThrottled', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'DrainFailed', metric: 'ExecutionsFailed', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'DrainTimedOut', metric: 'ExecutionsTimedOut', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'DrainAborted', metric: 'ExecutionsAborted', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'DrainThrottled', metric: 'ExecutionThrottled', is: 'GreaterThanThreshold', threshold: 0 },
    {
      alarm: 'StartUndelivered',
      metric: 'ApproximateNumberOfMessagesVisible',
      is: 'GreaterThanThreshold',
      threshold: 0,
    },
    { alarm: 'StartDropped', metric: 'InvocationDroppedCount', is: 'GreaterThanThreshold', threshold: 0 },
    {
      alarm: 'StartUnkept',
      metric: 'InvocationsFailedToBeSentToDeadLetterCount',
      is: 'GreaterThanThreshold',
      threshold: 0,
    },
    { alarm: 'NoRun', metric: 'DaysSinceLastSuccess', is: 'GreaterThanThreshold', threshold: 9 },
    { alarm: 'OldAnswers', metric: 'OldestAnswerAgeDays', is: 'GreaterThanThreshold', threshold: 14 },
    { alarm: 'AnswersExpired', metric: 'StretchesExpired', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'ReplyLong', metric: 'ReplyWaitSeconds', is: 'GreaterThanThreshold', threshold: 216_000 },
    { alarm: 'CertificateDue', metric: 'MeshCertDaysToExpiry', is: 'LessThanThreshold', threshold: 60 },
    { alarm: 'CertificateUrgent', metric: 'MeshCertDaysToExpiry', is: 'LessThanThreshold', threshold: 14 },
    { alarm: 'ConsentWrites', metric: 'ConsentWriteFailures', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'RunMarker', metric: 'RunMarkerFailures', is: 'GreaterThanThreshold', threshold: 0 },
    { alarm: 'PartsUnreconciled', metric: 'PartsUnreconciled', is: 'GreaterThanThreshold', threshold: 0 },
  ])('of $alarm: $metric $is $threshold', ({ alarm, metric, is, threshold }) => {
    expect(alarms().get(alarm)).toMatchObject({
      ...{ MetricName: metric, ComparisonOperator: is, Threshold: threshold },
    });
  });

  it('of how long the API takes is one of a quarter of an hour', () => {
    expect(alarms(withApi.ops).get('NoomSlow')).toMatchObject({
      ...{ MetricName: 'Latency', ExtendedStatistic: 'p99', Threshold: 5_000, Period: 300, EvaluationPeriods: 3 },
    });
  });

  it('of what the drain measures once a day are those of two days running where a missed day is one of them', () => {
    for (const name of ['NoRun', 'CertificateDue']) {
      expect(alarms().get(name)).toMatchObject({ Period: 86_400, EvaluationPeriods: 2 });
    }
  });

  test.each([
    { alarm: 'OptOutRate', says: 'IF(answered >= 500 AND (rate > 15 OR rate <= 0), 1, 0)', threshold: 0 },
    { alarm: 'NumberLogged', says: 'SELECT SUM(LogEventsWithFindings) FROM "AWS/Logs"', threshold: 0 },
    { alarm: 'RowsQuarantined', says: '100 * quarantined / (quarantined + answered)', threshold: 1 },
    {
      alarm: 'StepWriteConsents',
      says: 'IF(FILL(errors, 0) >= 3 OR FILL(throttles, 0) > 0 OR FILL(slowest, 0) > 720000, 1, 0)',
      threshold: 0,
    },
    { alarm: 'NoomFaults', says: 'IF(FILL(faults, 0) >= 3 AND 100 * FILL(faults, 0) > calls, 1, 0)', threshold: 0 },
  ])('of $alarm: $says', ({ alarm, says, threshold }) => {
    const found = alarms(withApi.ops).get(alarm);
    expect(found?.Metrics?.flatMap(({ Expression }) => Expression ?? [])).toEqual([says]);
    expect(found).toMatchObject({ ComparisonOperator: 'GreaterThanThreshold', Threshold: threshold });
  });
});

describe('the end of an execution', () => {
  it('is told to the topic, of both state machines, with its name and status alone', () => {
    const [[, rule] = []] = resources<{
      readonly EventPattern: { readonly detail: { readonly status: string[]; readonly stateMachineArn: unknown[] } };
      readonly Targets: readonly { readonly InputTransformer: { readonly InputPathsMap: Record<string, string> } }[];
    }>('AWS::Events::Rule');
    expect(rule!.EventPattern.detail.status).toEqual(['FAILED', 'TIMED_OUT', 'ABORTED']);
    expect(rule!.EventPattern.detail.stateMachineArn).toHaveLength(2);
    expect(Object.values(rule!.Targets[0]!.InputTransformer.InputPathsMap).sort()).toEqual([
      '$.detail.name',
      '$.detail.stateMachineArn',
      '$.detail.status',
    ]);
    const entries = [...JSON.stringify(rule!.Targets).matchAll(/#([a-z-]+)/g)].map(([, entry = '']) => entry);
    expect(entries.length).toBe(3);
    expect(entries.filter((entry) => !anchors.has(entry))).toEqual([]);
  });

  it.each(['cloudwatch.amazonaws.com', 'events.amazonaws.com'])(
    'may be told by %s: topic and key allow it',
    (service) => {
      const allowed = (statements: readonly Statement[]) =>
        statements
          .filter(({ Effect, Principal }) => Effect === 'Allow' && Principal.Service === service)
          .flatMap(({ Action }) => Action);
      const [[, policy] = []] = resources<{ PolicyDocument: { Statement: Statement[] } }>(
        'AWS::SNS::TopicPolicy',
        templates.data,
      );
      expect(allowed(policy!.PolicyDocument.Statement)).toEqual(['sns:Publish']);
      const [[, key] = []] = resources<{ KeyPolicy: { Statement: Statement[] } }>('AWS::KMS::Key', templates.data);
      expect(allowed(key!.KeyPolicy.Statement)).toEqual(['kms:Decrypt', 'kms:GenerateDataKey*']);
    },
  );
});

describe('the saved queries', () => {
  it('ask the logs of all functions and of both state machines', () => {
    const queries = resources<{ Name: string; LogGroupNames: unknown[] }>('AWS::Logs::QueryDefinition');
    expect(queries.map(([, { Name }]) => Name).sort()).toEqual([
      'ndop/dev/Failures of a run',
      'ndop/dev/Refused parts',
      'ndop/dev/Throttling',
      'ndop/dev/What happened to a run',
    ]);
    const functions = resources('AWS::Lambda::Function', templates.pipeline).length;
    for (const [, { LogGroupNames }] of queries) expect(LogGroupNames).toHaveLength(functions + 2);
  });

  it('ask the access log of the API where there is one', () => {
    const queries = resources<{ Name: string; LogGroupNames: unknown[] }>('AWS::Logs::QueryDefinition', withApi.ops);
    const [query, ...others] = queries.filter(([, { Name }]) => Name === 'ndop/api/Failed calls of the NOOM API');
    expect(others).toEqual([]);
    expect(query![1].LogGroupNames.map((name) => JSON.stringify(name))).toEqual([expect.stringContaining('AccessLog')]);
  });

  it('name no error that the code does not know', () => {
    const text = JSON.stringify(resources('AWS::Logs::QueryDefinition'));
    const named = [...text.matchAll(/'([A-Z][A-Za-z]+)'/g)].map(([, name = '']) => name);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => ![...retryable, ...permanent].some((known) => known === name))).toEqual([]);
  });
});

describe('the runbook', () => {
  /** Names of AWS that an execution of ours may end under. */
  const foreign = [
    ...['States.Timeout', 'States.DataLimitExceeded', 'States.Runtime', 'States.QueryEvaluationError'],
    ...['Lambda.ServiceException', 'Lambda.AWSLambdaException', 'Lambda.SdkClientException'],
    ...['Lambda.ClientExecutionTimeoutException', 'Lambda.TooManyRequestsException', 'Lambda.Unknown'],
    ...['Runtime.ExitError', 'Runtime.OutOfMemory', 'Sandbox.Timedout'],
  ];
  const rows = () =>
    runbook
      .slice(runbook.indexOf('## Failures by name'))
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|').map((cell) => cell.trim()));

  it('has a row for every name that a step can fail under, and for no other', () => {
    const named = rows().flatMap((cells) => [...(cells[1] ?? '').matchAll(/`([\w.]+)`/g)].map(([, name = '']) => name));
    expect(named.toSorted()).toEqual([...retryable, ...permanent, ...foreign].toSorted());
  });

  it('says of each what it means, what to look at and what to do', () => {
    for (const cells of rows()) {
      const [, name, means, look, todo, ...rest] = cells;
      expect({ name, empty: [means, look, todo].filter((cell) => !cell).length, rest }).toEqual({
        ...{ name, empty: 0, rest: [''] },
      });
    }
  });

  it('has no entry for an alarm that there is not, and each says what to look at and to do', () => {
    const chapter = runbook.slice(runbook.indexOf('## Alarms'), runbook.indexOf('## Failures by name'));
    const [, ...entries] = chapter.split(/^### /m);
    const named = new Set([...alarms(withApi.ops).values()].map(entryOf));
    expect(new Set(entries.map((entry) => anchorOf(entry.split('\n')[0]!)))).toEqual(named);
    for (const entry of entries) {
      expect(entry).toContain('**Look at**');
      expect(entry).toContain('**Do**');
    }
  });

  it('leads nowhere that is not there', () => {
    const within = [...runbook.matchAll(/\]\(#([a-z-]+)\)/g)].map(([, anchor = '']) => anchor);
    expect(within.length).toBeGreaterThan(2);
    expect(within.filter((anchor) => !anchors.has(anchor))).toEqual([]);
  });
});
