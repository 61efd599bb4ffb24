import { createHash } from 'node:crypto';
import type { CaseResult } from '../catalogue-run.ts';
import type { Environment } from '../environment.ts';
import { remarks, summary, verdictNames } from '../table.ts';
import type { Redact } from './redaction.ts';

/** What is in the pack, what of it to send, and what is still to be done first. */
export function indexText(
  { kind, baseUrl, mailboxes }: Environment,
  results: readonly CaseResult[],
  files: ReadonlyMap<string, string>,
  redact: Redact,
): string {
  const waiting = results.filter(({ verdict }) => verdict === 'waiting');
  const failed = results.filter(({ verdict }) => verdict === 'failed');
  const lines = [
    'MESH API Compliance Test, version 1.6: evidence pack',
    '',
    `Environment: ${kind}, ${baseUrl}`,
    `Mailbox under test ${mailboxes.ours.mailboxId}, other ${mailboxes.other.mailboxId}, dormant ${mailboxes.dormant.mailboxId}`,
    summary(results),
    '',
    'What to send',
    ...toSend(kind, failed.length),
    '',
    ...(waiting.length === 0 ? [] : ['What is still to be done', ...waiting.flatMap(toDo(redact)), '']),
    'Files, with their SHA-256',
    ...[...files].map(([name, text]) => `${createHash('sha256').update(text).digest('hex')}  ${name}`),
    '',
    'Times are UTC. Body hashes under "calls" are of the bytes as they travelled, compressed where Content-Encoding says so;',
    'those under "notes" are of the message itself. The pack holds no password, shared key, token or key of a certificate,',
    'ten digits in a row are left out, and so are subjects, file and local names of messages that this run did not send.',
  ];
  return `${lines.join('\n')}\n`;
}

function toSend(kind: Environment['kind'], failed: number): string[] {
  if (failed > 0) return ['  Nothing yet: cases failed. See summary.html.'];
  if (kind === 'integration') {
    return [
      '  summary.html, and the file of every case (NNN.json), to the NHS England assessor who asked for them.',
      '  The catalogue\u2019s own sheet is filled in by hand: number, result, and the time of the case as summary.html has it.',
    ];
  }
  return [
    `  Nothing by itself: this was the ${kind}. It shows that the client is ready for the integration environment; an`,
    '  assessor may accept it beside evidence from there, for case 703 above all.',
  ];
}

function toDo(redact: Redact): (result: CaseResult) => string[] {
  return (result) =>
    remarks(result).map((remark) => `  ${result.number} (${verdictNames[result.verdict]}): ${redact(remark)}`);
}
