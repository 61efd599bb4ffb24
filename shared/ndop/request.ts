import { createHash } from 'node:crypto';
import { ndopWorkflow } from '../contract.ts';
import type { OutgoingMessage } from '../mesh/message.ts';
import { localIdOf, type RequestIdentity } from './run-id.ts';
import { writeTenDigits } from './ten-digits.ts';

export type LineEnding = 'CRLF' | 'LF';

/**
 * The bytes of a request file: per person ten digits, a comma and a line end; no header, no byte-order mark, no quotes,
 * a line end after the last. Source: NHS England, "Check for National Data Opt-outs Service"; CRLF is what public
 * implementations send, LF is what later registry notes ask for, so it is a setting.
 *
 * @param nhsNumbers sorted, as integers
 * @param startAt index of the row to begin with; the rows before it follow at the end. Another attempt starts elsewhere,
 *   so its bytes differ while its people do not: the service may refuse an upload whose bytes it has seen.
 */
export function buildRequest(nhsNumbers: Float64Array, lineEnding: LineEnding, startAt = 0): Buffer {
  const ending = lineEnding === 'CRLF' ? [0x0d, 0x0a] : [0x0a];
  const width = 11 + ending.length;
  const body = Buffer.alloc(nhsNumbers.length * width);
  for (let row = 0; row < nhsNumbers.length; row += 1) {
    const at = row * width;
    writeTenDigits(body, at, nhsNumbers[(row + startAt) % nhsNumbers.length] ?? 0);
    body[at + 10] = 0x2c;
    body.set(ending, at + 11);
  }
  return body;
}

/** Where an attempt's file begins: the same for a repeat of the same attempt, another for the next. */
export function startRowOf({ runId, part, attempt }: RequestIdentity, rows: number): number {
  if (rows === 0) return 0;
  // The attempt is added, not hashed in, so that no two attempts of a part begin at one row before each row had its turn.
  const first = createHash('sha256').update(`${runId} ${part}`).digest().readUInt32BE();
  return (first + attempt) % rows;
}

/** The calendar fields of a moment as a clock in England shows them: request names carry the local date. */
function londonDate(moment: Date): { day: string; month: string; year: string } {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Europe/London',
    day: '2-digit',
    month: '2-digit',
    year: 'numeric',
  }).formatToParts(moment);
  const field = (type: string) => parts.find((part) => part.type === type)?.value ?? '';
  return { day: field('day'), month: field('month'), year: field('year') };
}

/** `yyyymm` of a moment in England: request files are numbered anew each month. */
export function sequenceMonth(moment: Date): string {
  const { month, year } = londonDate(moment);
  return `${year}${month}`;
}

/**
 * `RZZ99OT001-050126-0001`: mailbox, date DDMMYY and number within the month. It is the file name without `.dat` and the
 * subject alike. Source: NHS England's naming advice as quoted by the UK Renal Registry.
 */
export function requestName(mailbox: string, moment: Date, sequence: number): string {
  const { day, month, year } = londonDate(moment);
  return `${mailbox}-${day}${month}${year.slice(2)}-${String(sequence).padStart(4, '0')}`;
}

/** What travels beside the body: as `.ctl` file for the record, as headers over the MESH API. */
export function requestControl(
  name: string,
  mailboxes: { readonly from: string; readonly to: string },
  identity: RequestIdentity,
): OutgoingMessage {
  return {
    ...mailboxes,
    workflowId: ndopWorkflow,
    subject: name,
    fileName: `${name}.dat`,
    localId: localIdOf(identity),
  };
}

/**
 * The control file that a MESH client would read beside the `.dat`. The API has none: we keep it as the record of what
 * the headers said and never send it. Source: NHS England, MESH client user guide.
 */
export function buildControlFile({ from, to, workflowId, subject, localId }: OutgoingMessage): string {
  const elements: [name: string, value: string][] = [
    ['Version', '1.0'],
    ['AddressType', 'DTS'],
    ['MessageType', 'Data'],
    ['WorkflowId', workflowId],
    ['To_DTS', to],
    ['From_DTS', from],
    ['Subject', subject],
    ['LocalId', localId],
    ['Compress', 'Y'],
    ['AllowChunking', 'Y'],
    ['Encrypted', 'N'],
  ];
  const lines = elements.map(([name, value]) => `  <${name}>${escapeXml(value)}</${name}>\n`);
  return `<DTSControl>\n${lines.join('')}</DTSControl>\n`;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
