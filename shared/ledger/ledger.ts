import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ConsentImports } from './consent-imports.ts';
import { ConsentWrites } from './consent-writes.ts';
import { IdKeyMark } from './id-key-mark.ts';
import { LatestSnapshot } from './latest.ts';
import { MailboxLedger } from './mailbox-ledger.ts';
import { Parts } from './parts.ts';
import { PatientExports } from './patient-exports.ts';
import { Runs } from './runs.ts';
import { LedgerTable } from './table.ts';
import { WritesUnderWay } from './writes-under-way.ts';

/** The run ledger: what every step looks at for the evidence of its own earlier success. */
export interface Ledger {
  readonly runs: Runs;
  readonly parts: Parts;
  readonly exports: PatientExports;
  readonly consentImports: ConsentImports;
  readonly consentWrites: ConsentWrites;
  readonly idKeyMark: IdKeyMark;
  readonly latest: LatestSnapshot;
  readonly writes: WritesUnderWay;
  readonly mailbox: (mailboxId: string) => MailboxLedger;
}

export function openLedger(tableName: string): Ledger {
  const table = new LedgerTable(new DynamoDBClient({}), tableName);
  return {
    runs: new Runs(table),
    parts: new Parts(table),
    exports: new PatientExports(table),
    consentImports: new ConsentImports(table),
    consentWrites: new ConsentWrites(table),
    idKeyMark: new IdKeyMark(table),
    latest: new LatestSnapshot(table),
    writes: new WritesUnderWay(table),
    mailbox: (mailboxId) => new MailboxLedger(table, mailboxId),
  };
}
