import { costTable, type CostLine } from './cost-lines.ts';
import { limits } from './limits.ts';
import { assumed } from './measured.ts';
import { prices, pricesAt } from './prices.ts';
import { settings } from './settings.ts';

/** What so many calls of the NOOM API cost. */
export function noomCalls(calls: number): readonly CostLine[] {
  const gigabyteSeconds = (calls * assumed.noomCallSeconds * settings.noomMegabytes) / 1_024;
  return [
    { what: 'requests of the HTTP API', count: calls, dollarsEach: prices.httpApiRequest.dollars },
    { what: 'invocations', count: calls, dollarsEach: prices.lambdaRequest.dollars },
    {
      what: 'GB-seconds of the function',
      count: Math.ceil(gigabyteSeconds),
      dollarsEach: prices.lambdaGigabyteSecond.dollars,
    },
    {
      what: 'queries of the HealthLake store, if none is within what the store includes',
      count: calls * assumed.noomCallQueries,
      dollarsEach: prices.healthLakeQuery.dollars,
    },
  ];
}

export function printNoomCalls(calls: number): string {
  return [
    `${calls} calls of the NOOM API, in US dollars:`,
    '',
    ...costTable(noomCalls(calls)),
    '',
    `Prices of ${pricesAt}, without tax. Those of the HTTP API and of HealthLake are those of us-east-1: London was not seen. Assumed of each call: ${assumed.noomCallSeconds} s of a function with ${settings.noomMegabytes} MB, and ${assumed.noomCallQueries} queries; ${limits.healthLakeQueriesAnHour} an hour are included in the store. Left out: logs, data that leaves AWS, and what stands before the API.`,
  ].join('\n');
}
