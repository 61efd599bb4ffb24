import { remarks, summary, verdictNames } from '../table.ts';
import type { CaseResult } from '../catalogue-run.ts';
import type { Environment } from '../environment.ts';
import type { CallRecord, CaseRecord } from './case-record.ts';
import type { Redact } from './redaction.ts';

interface Pack {
  readonly environment: Environment;
  readonly results: readonly CaseResult[];
  readonly records: readonly CaseRecord[];
  readonly redact: Redact;
}

/** Calls of a case on paper; the file of the case has them all. */
const callsShown = 12;

/** All cases on one page that prints on A4 and needs nothing else. */
export function summaryHtml({ environment, results, records, redact }: Pack): string {
  const { kind, baseUrl, workflowId, mailboxes } = environment;
  const facts: [string, string][] = [
    ['Environment', `${kind}, ${baseUrl}`],
    ['Mailbox under test', mailboxes.ours.mailboxId],
    ['Other mailbox', mailboxes.other.mailboxId],
    ['Dormant mailbox', mailboxes.dormant.mailboxId],
    ['Workflow', workflowId],
    ['From', records[0]?.startedAt ?? ''],
    ['To', records.at(-1)?.endedAt ?? ''],
    ['Result', summary(results)],
  ];
  const overview = results.map((result) => [
    `<a href="#case-${result.number}">${result.number}</a>`,
    escape(result.title + (result.isOptional === true ? ' (optional)' : '')),
    verdict(result.verdict),
    escape(remarks(result).map(redact).join('; ')),
  ]);
  return `<!doctype html>
<html lang="en-GB">
<meta charset="utf-8">
<title>MESH API Compliance Test: evidence</title>
<style>
@page { size: A4; margin: 16mm 14mm; }
body { font: 14px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #212b32; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 0 0 .5rem; } h3 { font-size: .95rem; margin: 1rem 0 .2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #d8dde0; vertical-align: top; overflow-wrap: anywhere; } th { white-space: nowrap; }
td { font-variant-numeric: tabular-nums; } section { margin-top: 2rem; border-top: 2px solid #005eb8; padding-top: .6rem; }
.calls { font-size: 11px; table-layout: fixed; } .calls th:first-child { width: 15%; } code { font-size: .92em; }
.passed { color: #006b34; } .failed { color: #b3140a; font-weight: 700; } .waiting, .differs { color: #6b4b00; }
@media print { body { margin: 0; font-size: 10.5px; } .calls { font-size: 8.5px; } tr, h2, h3 { break-inside: avoid; } h2, h3 { break-after: avoid; } a { color: inherit; text-decoration: none; } }
</style>
<h1>MESH API Compliance Test, version 1.6: evidence</h1>
${table(facts.map(([name, value]) => [`<strong>${escape(name)}</strong>`, escape(value)]))}
<section>
<h2>Cases</h2>
${table(overview, ['Case', 'Title', 'Result', 'Remark'])}
</section>
${records.map(caseSection).join('\n')}
</html>
`;
}

function caseSection(record: CaseRecord): string {
  const { checks, notes, calls } = record;
  const shown = calls.length <= callsShown ? calls : [...calls.slice(0, callsShown - 2), ...calls.slice(-2)];
  const left = calls.length - shown.length;
  const checkRows = checks.map(({ claim, holds, found, difference }) => [
    holds ? '<span class="passed">yes</span>' : verdict(difference === undefined ? 'failed' : 'differs', 'no'),
    escape(claim),
    escape([found, difference].filter((text) => text !== undefined).join(': ')),
  ]);
  return `<section id="case-${record.case}">
<h2>${record.case} ${escape(record.title)}: ${verdict(record.verdict)}</h2>
<p>${escape(record.startedAt)} to ${escape(record.endedAt)}. All calls: <code>${record.case}.json</code></p>
<p><strong>The catalogue asks:</strong> ${escape(record.asks)}<br><strong>Shown by:</strong> ${escape(record.passes)}</p>
${record.remark === undefined ? '' : `<p class="${record.verdict}">${escape(record.remark)}</p>`}
<h3>Checks</h3>
${table(checkRows, ['Holds', 'Check', 'Found'])}
${notes.length === 0 ? '' : `<h3>Figures</h3>\n${table(notes.map(({ name, value }) => [escape(name), escape(value)]))}`}
<h3>Calls</h3>
${callsTable(shown)}
${left === 0 ? '' : `<p>${left} more calls stand in the file.</p>`}
</section>`;
}

function callsTable(calls: readonly CallRecord[]): string {
  const rows = calls.map((call) => [
    escape(call.startedAt),
    escape(`${call.mailbox}${call.isPreparation ? ', preparation' : ''}`),
    `<code>${escape(`${call.method} ${call.path}`)}</code>`,
    escape(`${call.status ?? 'no answer'}${call.error === undefined ? '' : ` ${call.error}`}`),
    body(call.requestBody),
    call.responseBody === undefined ? '' : body(call.responseBody),
  ]);
  const head = ['Time (UTC)', 'Mailbox', 'Call', 'Status', 'Body sent', 'Body received'];
  return table(rows, head, 'calls');
}

function body({ bytes, sha256 }: { readonly bytes: number; readonly sha256: string }): string {
  return bytes === 0 ? 'none' : `${bytes} bytes, SHA-256 <code>${escape(sha256)}</code>`;
}

function verdict(of: CaseResult['verdict'], text = verdictNames[of]): string {
  return `<span class="${of}">${escape(text)}</span>`;
}

/** Cells are HTML already. */
function table(rows: readonly (readonly string[])[], head: readonly string[] = [], className = ''): string {
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  const top = head.length === 0 ? '' : `${line(head.map(escape), 'th')}\n`;
  return `<table${className === '' ? '' : ` class="${className}"`}>\n${top}${rows.map((row) => line(row, 'td')).join('\n')}\n</table>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
