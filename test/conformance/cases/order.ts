import type { CaseContext } from '../case.ts';
import type { RecordedCall } from '../recorder.ts';

/** The operations of a case in short: `list, 500 x (download, acknowledge), list`. Lists that follow each other are one. */
export function orderOf(calls: readonly RecordedCall[]): string {
  const words: { text: string; times: number }[] = [];
  for (let at = 0; at < calls.length; at += 1) {
    const [here, next] = [calls[at], calls[at + 1]];
    const isPair = here?.operation === 'download' && next?.operation === 'acknowledge';
    const isOne = isPair && here.messageId === next.messageId;
    const text = isOne ? '(download, acknowledge)' : (here?.operation ?? 'no call of the MESH API');
    if (isOne) at += 1;
    const last = words.at(-1);
    if (last?.text !== text) words.push({ text, times: 1 });
    else if (text !== 'list') last.times += 1;
  }
  return words.map(({ text, times }) => (times === 1 ? text : `${times} x ${text}`)).join(', ');
}

/** A handshake went before, and every call of the case carries a token of its own of the published form. */
export function checkAuthentication({ checks, ours, recorder, calls }: CaseContext): void {
  const made = calls();
  const firstAt = made.find(({ operation }) => operation !== 'handshake')?.startedAt ?? '';
  const handshake = recorder
    .of(ours.mailboxId)
    .find(({ operation, status, endedAt }) => operation === 'handshake' && status === 200 && endedAt <= firstAt);
  checks.that('The mailbox was authenticated before', handshake !== undefined, handshake?.endedAt);
  const paths = new Set(made.map(({ path }) => path));
  const requests = recorder.requestsOf(ours.mailboxId).filter(({ path }) => paths.has(path));
  const faults = requests.flatMap((request) => request.faults);
  checks.that(
    'Every call carries an Authorization of its own of the published form',
    requests.length >= made.length && faults.length === 0,
    faults[0] ?? `${requests.length} tokens`,
  );
}
