import { columnIndex, scanCsv } from './scan-csv.ts';

export interface CohortRow {
  /** Number of the data row, from 1; the header is not counted. */
  readonly row: number;
  /** As it stands in the file, not yet validated. */
  readonly nhsNumber: string;
  readonly patientId?: string;
}

/**
 * The rows of a cohort file one by one, for whoever has few of them.
 *
 * @throws PermanentError CohortColumnMissing, CohortUnreadable
 */
export async function* readCohortCsv(source: AsyncIterable<Uint8Array>): AsyncGenerator<CohortRow> {
  const rows: CohortRow[] = [];
  const scan = scanCsv(source, (scanned) => {
    const patientId = scanned.text(columnIndex.patientId).trim();
    const nhsNumber = scanned.text(columnIndex.nhsNumber);
    rows.push({ row: scanned.row, nhsNumber, ...(patientId === '' ? {} : { patientId }) });
  });
  try {
    while ((await scan.next()).done !== true) yield* rows.splice(0);
  } finally {
    await scan.return();
  }
}
