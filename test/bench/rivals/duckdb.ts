/** DuckDB's anti-join and sort, from and to the same files, with all the threads and memory that it takes by itself. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { contend } from '../contend.ts';
import { asAt } from '../people/data-set.ts';

interface DuckDb {
  readonly DuckDBInstance: {
    readonly create: (
      path: string,
    ) => Promise<{ readonly connect: () => Promise<{ run: (sql: string) => Promise<unknown> }> }>;
  };
}

const options = `delim=',', header=false, auto_detect=false`;
const numbers = (kind: string) =>
  `read_csv('$DATA/${kind}/*', ${options}, columns={'number': 'BIGINT', 'rest': 'VARCHAR'})`;

const queries: Readonly<Record<string, string>> = {
  build: `
    COPY (
      SELECT DISTINCT nhsNumber, patientId
      FROM read_csv('$DATA/cohort-csv/cohort.csv', header=true, auto_detect=false, delim=',',
        columns={'nhsNumber': 'BIGINT', 'patientId': 'VARCHAR'})
      ORDER BY nhsNumber
    ) TO '$ANSWER/cohort.csv' (FORMAT csv, HEADER false)`,
  reconcile: `
    COPY (SELECT number FROM ${numbers('cohort')} asked ANTI JOIN ${numbers('reply')} returned USING (number))
    TO '$ANSWER/opted-out.txt' (FORMAT csv, HEADER false)`,
  snapshot: `
    COPY (
      SELECT number, status,
        CASE WHEN status = before THEN since ELSE '${asAt}' END,
        CASE WHEN status <> before AND status = 'active' THEN '${asAt}' ELSE optedOutSince END,
        hash, NULL
      FROM (
        SELECT previous.*, CASE WHEN reply.number IS NULL THEN 'active' ELSE 'inactive' END AS status
        FROM read_csv('$DATA/previous/*', ${options}, columns={'number': 'BIGINT', 'before': 'VARCHAR', 'since': 'VARCHAR',
          'optedOutSince': 'VARCHAR', 'hash': 'VARCHAR', 'out': 'VARCHAR'}) previous
        LEFT JOIN ${numbers('reply')} reply USING (number)
      )
      ORDER BY number
    ) TO '$ANSWER/snapshot.csv.gz' (FORMAT csv, HEADER false, COMPRESSION gzip)`,
};

await contend(async ({ data, answer, args: [task = '', installed = ''] }) => {
  const { DuckDBInstance } = createRequire(join(installed, 'package.json'))('@duckdb/node-api') as DuckDb;
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const query = queries[task] ?? '';
  await connection.run(query.replaceAll('$DATA', data.directory).replaceAll('$ANSWER', answer));
});
