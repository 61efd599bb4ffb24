import type { ConformanceCase } from '../case.ts';
import type { RecordedCall } from '../recorder.ts';

export const oneCallAtATime: ConformanceCase = {
  number: '801',
  title: 'At most one thread a mailbox (declared)',
  asks: 'The supplier declares that it never uses a mailbox from more than one thread at a time.',
  passes:
    'Several operations are asked of one client at the same moment, and it makes one call after the other; neither in this case nor in the whole run does a call begin before the one before it has ended.',
  async run(context) {
    const { ours, checks, calls, environment, recorder } = context;
    await ours.authenticate();
    const before = calls().length;
    const mailbox = ours.mailbox();
    const list = (): Promise<string[]> => ours.waiting(mailbox);
    await Promise.all([list(), list(), list(), mailbox.trackLocalId(context.localId('unknown')), list()]);
    checks.that('Several operations are asked for at the same moment', calls().length - before >= 5);
    checks.equal('Their calls do not overlap', overlaps(calls().slice(before)).length, 0);
    const all = recorder.of(ours.mailboxId);
    const found = overlaps(all);
    checks.that('No two calls of the whole run overlap', found.length === 0, `${found.length} of ${all.length} calls`);
    if (environment.overlapsSeen) checks.equal('MESH saw none either', environment.overlapsSeen(), 0);
  },
};

/** The calls that began before the one before them had ended. */
export function overlaps(calls: readonly RecordedCall[]): RecordedCall[] {
  const inOrder = [...calls].sort(
    (a, b) => a.startedAt.localeCompare(b.startedAt) || a.endedAt.localeCompare(b.endedAt),
  );
  return inOrder.filter((call, index) => call.startedAt < (inOrder[index - 1]?.endedAt ?? ''));
}
