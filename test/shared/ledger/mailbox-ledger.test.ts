import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MailboxLedger, type StoredMessage } from '../../../shared/ledger/mailbox-ledger.ts';
import { LedgerTable } from '../../../shared/ledger/table.ts';
import { startLedgerTable } from '../../support/ledger-table.ts';

let started: Awaited<ReturnType<typeof startLedgerTable>>;
beforeAll(async () => {
  started = await startLedgerTable();
});
afterAll(() => started.stop());

let mailboxes = 0;
let clock: Date;
let ledger: MailboxLedger;
const open = (mailbox: string) => new MailboxLedger(started.table, mailbox, () => clock);
const wait = (seconds: number) => {
  clock = new Date(clock.getTime() + seconds * 1000);
};

beforeEach(() => {
  clock = new Date('2026-09-01T02:00:00Z');
  mailboxes += 1;
  ledger = open(`RZZ99OT${String(mailboxes).padStart(3, '0')}`);
});

describe('the lease', () => {
  const first = { execution: 'execution-1', runId: 'run-1' };
  const second = { execution: 'execution-2', runId: 'run-2' };

  it('is held by one execution; another one is told by which run', async () => {
    expect(await ledger.holdLease(first, 600)).toEqual({ held: true });
    expect(await ledger.holdLease(second, 600)).toEqual({ held: false, holder: 'run-1' });
  });

  it('is renewed by its holder, from then on', async () => {
    await ledger.holdLease(first, 600);
    wait(599);
    expect(await ledger.holdLease(first, 600)).toEqual({ held: true });
    wait(599);
    expect(await ledger.holdLease(second, 600)).toEqual({ held: false, holder: 'run-1' });
  });

  it('is taken over once its time is up, and lost to the earlier holder', async () => {
    await ledger.holdLease(first, 600);
    wait(600);
    expect(await ledger.holdLease(second, 600)).toMatchObject({ held: false });
    wait(1);
    expect(await ledger.holdLease(second, 600)).toEqual({ held: true });
    await expect(ledger.keepLease(first, 600)).rejects.toMatchObject({
      name: 'LeaseLost',
      message: expect.stringMatching(/^Run run-2 holds the mailbox, so run run-1 stops/),
    });
    await ledger.keepLease(second, 600);
  });

  it('that was given back is not had again by renewing it, free or another’s', async () => {
    await ledger.holdLease(first, 600);
    wait(1000);
    await ledger.renewLease(first, 600);
    expect(await ledger.holdLease(second, 600)).toMatchObject({ held: false });
    await ledger.releaseLease(first.execution);
    await expect(ledger.renewLease(first, 600)).rejects.toMatchObject({ name: 'LeaseLost' });
    expect(await ledger.holdLease(second, 600)).toEqual({ held: true });
    await expect(ledger.renewLease(first, 600)).rejects.toMatchObject({ name: 'LeaseLost' });
  });

  it('that ran out and was not taken over is simply kept', async () => {
    await ledger.holdLease(first, 600);
    wait(100_000);
    await ledger.keepLease(first, 600);
    expect(await ledger.holdLease(second, 600)).toEqual({ held: false, holder: 'run-1' });
  });

  it('is had by exactly one of many who ask at once', async () => {
    const asking = Array.from({ length: 8 }, (_, index) =>
      ledger.holdLease({ execution: `execution-${index}`, runId: `run-${index}` }, 600),
    );
    const outcomes = await Promise.all(asking);
    expect(outcomes.filter(({ held }) => held)).toHaveLength(1);
    const holder = `run-${outcomes.findIndex(({ held }) => held)}`;
    expect(outcomes.filter((outcome) => !outcome.held)).toEqual(Array(7).fill({ held: false, holder }));
  });

  it('is released by its holder alone, and releasing twice is harmless', async () => {
    await ledger.holdLease(first, 600);
    await ledger.releaseLease('execution-2');
    expect(await ledger.holdLease(second, 600)).toMatchObject({ held: false });
    await ledger.releaseLease('execution-1');
    await ledger.releaseLease('execution-1');
    expect(await ledger.holdLease(second, 600)).toEqual({ held: true });
  });

  it('of one mailbox says nothing of another', async () => {
    await ledger.holdLease(first, 600);
    expect(await open('X26OT154').holdLease(second, 600)).toEqual({ held: true });
  });
});

describe('the handshake', () => {
  it('is remembered with its time', async () => {
    expect(await ledger.lastHandshake()).toBeUndefined();
    await ledger.recordHandshake();
    wait(60);
    expect(await ledger.lastHandshake()).toEqual(new Date('2026-09-01T02:00:00Z'));
    await ledger.recordHandshake();
    expect(await ledger.lastHandshake()).toEqual(new Date('2026-09-01T02:01:00Z'));
  });
});

describe('sequence numbers', () => {
  it('rise from 1, month by month', async () => {
    expect(await ledger.nextSequence('202609')).toBe(1);
    expect(await ledger.nextSequence('202609')).toBe(2);
    expect(await ledger.nextSequence('202610')).toBe(1);
    expect(await ledger.nextSequence('202609')).toBe(3);
    expect(await open('X26OT155').nextSequence('202609')).toBe(1);
  });

  it('are never given twice, however many ask at once', async () => {
    const given = await Promise.all(Array.from({ length: 20 }, () => ledger.nextSequence('202611')));
    expect(given.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });
});

/** A table that stops taking writes, as where a function is stopped half-way. */
class StoppingTable extends LedgerTable {
  writesLeft = 0;

  override put(...write: Parameters<LedgerTable['put']>): Promise<boolean> {
    this.writesLeft -= 1;
    return this.writesLeft < 0 ? Promise.reject(new Error('stopped')) : super.put(...write);
  }
}

describe('messages', () => {
  const message = (id: string): StoredMessage => ({
    messageId: `${mailboxes}-${id}`,
    headersKey: `inbox/${id}/headers.json`,
    body: { key: `inbox/${id}/body`, sha256: 'abc', bytes: 12 },
    receivedAt: '2026-09-01T02:00:00Z',
  });

  it('wait to be settled once they are recorded, in the order of their ids', async () => {
    expect(await ledger.isRecorded(message('a').messageId)).toBe(false);
    await ledger.recordMessage(message('b'));
    await ledger.recordMessage(message('a'));
    expect(await ledger.isRecorded(message('a').messageId)).toBe(true);
    expect(await ledger.unsettledMessages()).toEqual([message('a'), message('b')]);
  });

  it('are off the list once they are settled, and still known', async () => {
    await ledger.recordMessage(message('a'));
    await ledger.recordMessage(message('b'));
    await ledger.settleMessage(message('a').messageId, { class: 'answer', part: 'run-1/1' });
    expect(await ledger.unsettledMessages()).toEqual([message('b')]);
    expect(await ledger.isRecorded(message('a').messageId)).toBe(true);
    await ledger.settleMessage(message('a').messageId, { class: 'answer', part: 'run-1/1' });
    await ledger.settleMessage(message('b').messageId, { class: 'foreign' });
    expect(await ledger.unsettledMessages()).toEqual([]);
  });

  it('recorded twice are recorded once', async () => {
    await ledger.recordMessage(message('a'));
    await ledger.recordMessage({ ...message('a'), receivedAt: '2026-09-01T03:00:00Z' });
    expect(await ledger.unsettledMessages()).toHaveLength(1);
  });

  it('do not come back when they are recorded again after they were settled', async () => {
    await ledger.recordMessage(message('a'));
    await ledger.settleMessage(message('a').messageId, { class: 'notice' });
    await ledger.recordMessage(message('a'));
    expect(await ledger.unsettledMessages()).toEqual([]);
  });

  it('whose recording was stopped half-way do not count as recorded, and are recorded by the next try', async () => {
    const table = new StoppingTable(started.client, 'ledger');
    const stopping = new MailboxLedger(table, 'RZZ99OT888', () => clock);
    for (const writesLeft of [0, 1]) {
      table.writesLeft = writesLeft;
      await expect(stopping.recordMessage(message('a'))).rejects.toThrow('stopped');
      expect(await stopping.isRecorded(message('a').messageId)).toBe(false);
    }
    table.writesLeft = 2;
    await stopping.recordMessage(message('a'));
    expect(await stopping.isRecorded(message('a').messageId)).toBe(true);
    expect(await stopping.unsettledMessages()).toEqual([message('a')]);
  });

  it('of one mailbox wait in that one only', async () => {
    await ledger.recordMessage(message('a'));
    expect(await open('X26OT156').unsettledMessages()).toEqual([]);
  });
});
