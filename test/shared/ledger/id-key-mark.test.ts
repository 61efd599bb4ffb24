import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { idKeyMarkOf, parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { IdKeyMark } from '../../../shared/ledger/id-key-mark.ts';
import { startLedgerTable } from '../../support/ledger-table.ts';

const [first, second] = ['07'.repeat(32), '08'.repeat(32)];
let ledger: Awaited<ReturnType<typeof startLedgerTable>>;
beforeAll(async () => {
  ledger = await startLedgerTable();
});
afterAll(() => ledger.stop());

it('lets the first key pass, and from then on no other', async () => {
  const mark = new IdKeyMark(ledger.table);
  await mark.ensure(idKeyMarkOf(parseIdKey(first)));
  await mark.ensure(idKeyMarkOf(parseIdKey(first)));
  await expect(mark.ensure(idKeyMarkOf(parseIdKey(second)))).rejects.toMatchObject({ name: 'ConfigurationInvalid' });
  await mark.ensure(idKeyMarkOf(parseIdKey(first)));
});

it('tells one key from another, and nothing of either', () => {
  const marks = [first, second].map((secret) => idKeyMarkOf(parseIdKey(secret)));
  expect(new Set(marks).size).toBe(2);
  expect(marks).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), expect.stringMatching(/^[0-9a-f]{16}$/)]);
});
