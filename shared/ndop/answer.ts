import { PermanentError } from '../errors.ts';

/** Who of a part came back in its answer. */
export interface MatchedAnswer {
  /** In step with the part's people: 1 = came back, so has not opted out; 0 = stayed away, so has opted out. */
  readonly returned: Uint8Array;
  readonly rows: number;
  /** Rows that repeat a person. Harmless in a set, but a sign of a wrong file, so a person looks at it. */
  readonly duplicates: number;
}

/**
 * Matches an answer with the people who were asked about. Accepts any order, CR LF, LF and CR in any mixture, spaces,
 * blank lines, a byte-order mark, a missing comma and further fields.
 *
 * @param nhsNumbers everybody who was asked about, sorted, as integers
 * @throws PermanentError ReplyTruncated where the last row lacks its line end: a cut-off answer would look like a mass
 *   opt-out; ReplyMalformed for any other row that is not ten digits; ReplyHasStrangers for people who were not asked
 *   about, the sign of a wrong or mixed file
 */
export async function matchAnswer(nhsNumbers: Float64Array, body: AsyncIterable<Uint8Array>): Promise<MatchedAnswer> {
  const returned = new Uint8Array(nhsNumbers.length);
  const decoder = new TextDecoder('latin1');
  let rows = 0;
  let duplicates = 0;
  let strangers = 0;
  let rest = '';
  let isStart = true;
  const read = (line: string): void => {
    if (line.trim() === '') return;
    rows += 1;
    const match = /^\s*([0-9]{10})\s*(?:,.*)?$/.exec(line);
    if (!match)
      throw new PermanentError('ReplyMalformed', `Row ${rows} of the answer is not an NHS number and a comma`);
    const index = indexOf(nhsNumbers, Number(match[1]));
    if (index < 0) strangers += 1;
    else if (returned[index] === 1) duplicates += 1;
    else returned[index] = 1;
  };
  for await (const chunk of body) {
    let text = rest + decoder.decode(chunk, { stream: true });
    if (isStart && text.length < 3) {
      rest = text;
      continue;
    }
    if (isStart) text = text.replace(/^\u00ef\u00bb\u00bf/, '');
    isStart = false;
    const lines = text.split(/\r\n|\n|\r/);
    rest = lines.pop() ?? '';
    for (const line of lines) read(line);
  }
  if (rest.trim() !== '') {
    throw new PermanentError('ReplyTruncated', `The answer ends after ${rows} rows in the middle of a line`);
  }
  if (strangers > 0) {
    throw new PermanentError('ReplyHasStrangers', `${strangers} of ${rows} rows of the answer were never asked about`);
  }
  return { returned, rows, duplicates };
}

/** Binary search; -1 where the value is absent. */
function indexOf(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = sorted[middle] ?? 0;
    if (found === value) return middle;
    if (found < value) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
