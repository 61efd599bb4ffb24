import { CfnQueryDefinition } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

export interface SavedQueriesProps {
  readonly environment: string;
  readonly logGroupNames: readonly string[];
  /** Of the NOOM API, where there is one. */
  readonly accessLogName?: string;
}

/** Stands in a query for the id of the run that is asked about. */
const runId = '20260101T000000Z-0000';

/**
 * An invocation names its run where it starts, and what went wrong where it ends: `sortsLast` takes each from the line that
 * has it, where `latest` would look at the last line alone.
 */
const byInvocation = [
  '| stats min(@timestamp) as started, sortsLast(function_name) as step, sortsLast(input.runId) as run,',
  '  sortsLast(input.part) as part, sortsLast(errorName) as error, sortsLast(reason) as why by function_request_id',
];

const queries: Readonly<Record<string, readonly string[]>> = {
  'Failures of a run': [
    "filter message in ['task.started', 'task.failed']",
    ...byInvocation,
    `| filter run = '${runId}' and ispresent(error)`,
    '| sort started asc',
  ],
  'What happened to a run': [
    'fields @timestamp, coalesce(function_name, details.name) as step, coalesce(message, type) as event, errorName, reason',
    `| filter @message like '${runId}'`,
    '| sort @timestamp asc',
    '| limit 1000',
  ],
  'Refused parts': [
    "filter message in ['task.started', 'task.failed']",
    ...byInvocation,
    "| filter error in ['ReplyHasStrangers', 'ReplyMalformed', 'ReplyTruncated']",
    '| sort started desc',
  ],
  Throttling: [
    "filter message = 'task.failed' and errorName in ['HealthLakeThrottled', 'MeshThrottled', 'AwsUnavailable']",
    '| stats count(*) as failures by bin(5m), function_name, errorName',
    '| sort failures desc',
  ],
};

/** Of the NOOM API's access log. */
const failedCalls = [
  'filter status >= 400',
  '| stats count(*) as calls, sortsLast(requestId) as example by bin(1h), status, method, caller, integrationError',
  '| sort calls desc',
];

/** What to ask the logs, ready in the console of CloudWatch Logs Insights. */
export function savedQueries(scope: Construct, { environment, logGroupNames, accessLogName }: SavedQueriesProps): void {
  const query = (name: string, lines: readonly string[], logs: readonly string[]) =>
    new CfnQueryDefinition(scope, `Query${name.replaceAll(' ', '')}`, {
      name: `ndop/${environment}/${name}`,
      queryString: lines.join('\n'),
      logGroupNames: [...logs],
    });
  for (const [name, lines] of Object.entries(queries)) query(name, lines, logGroupNames);
  if (accessLogName !== undefined) query('Failed calls of the NOOM API', failedCalls, [accessLogName]);
}
