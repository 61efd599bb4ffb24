import { paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { Files } from '../../shared/files.ts';
import { LedgerTable } from '../../shared/ledger/table.ts';
import { Runs } from '../../shared/ledger/runs.ts';
import type { Results } from './results.ts';
import type { EndedExecution } from './run-scenario.ts';
import type { Runtime } from './runtime.ts';
import { keptReport, type KeptReport } from './summary.ts';

/** Brings what the run left in the stand-ins into the results' folder, and gives the run's report. */
export async function collectResults(
  main: EndedExecution,
  all: readonly EndedExecution[],
  { clients, deployment, consentStore }: Runtime,
  results: Results,
): Promise<KeptReport | undefined> {
  await results.writeNdjson('consents.ndjson', consentStore.resources('Consent'));
  await results.writeJson('history.json', {
    executionArn: main.executionArn,
    events: main.events,
    others: all.filter((execution) => execution !== main).map(({ executionArn, events }) => ({ executionArn, events })),
  });
  await results.writeLines();

  const items: unknown[] = [];
  const scan = paginateScan({ client: DynamoDBDocumentClient.from(clients.dynamoDb) }, { TableName: deployment.table });
  for await (const { Items = [] } of scan) items.push(...Items);
  await results.writeNdjson('ledger.ndjson', items);
  const keys: object[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: clients.s3 }, { Bucket: deployment.bucket })) {
    for (const { Key, Size } of Contents) keys.push({ key: Key, bytes: Size });
  }
  await results.writeNdjson('files.ndjson', keys);

  const runs = new Runs(new LedgerTable(clients.dynamoDb, deployment.table));
  const reportKey = main.runId === undefined ? undefined : (await runs.find(main.runId))?.reportKey;
  if (reportKey === undefined) return undefined;
  const files = new Files(clients.s3, deployment.bucket);
  const json = await files.find(reportKey);
  const html = await files.find(reportKey.replace(/json$/, 'html'));
  if (!json || !html) return undefined;
  await results.writeText('report.json', json);
  await results.writeText('report.html', html);
  return keptReport.parse(JSON.parse(json.toString('utf8')));
}
