import { PermanentError } from '../errors.ts';
import { parseJson } from '../json.ts';

/** HealthLake takes no resource larger than 5 MB, and what it adds when it writes one out is not much. */
const longestLineBytes = 8 * 1024 * 1024;
const lineFeed = 0x0a;

/**
 * The values of newline-delimited JSON, one line at a time. Lines are parted as bytes, since a chunk may end inside a
 * character; the last one needs no line end, and empty lines count for nothing.
 *
 * @param name of the file, for errors
 * @throws PermanentError PatientExportUnreadable, from the iteration, with the line and nothing of what it says
 */
export async function* readNdjson(body: AsyncIterable<Uint8Array>, name: string): AsyncGenerator {
  let rest: Buffer = Buffer.alloc(0);
  let line = 0;
  const unreadable = (fault: string) =>
    new PermanentError('PatientExportUnreadable', `Line ${line} of ${name} ${fault}. Nothing was sent`);
  const read = (bytes: Buffer): unknown => {
    line += 1;
    if (bytes.length > longestLineBytes) throw unreadable('is longer than any resource can be');
    const text = bytes.toString();
    if (text.trim() === '') return undefined;
    const value = parseJson(text);
    if (value === undefined) throw unreadable('is no JSON: the file may be cut off or damaged');
    return value;
  };
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      const piece = Buffer.from(chunk.buffer, chunk.byteOffset + from, end - from);
      const value = read(rest.length === 0 ? piece : Buffer.concat([rest, piece]));
      rest = Buffer.alloc(0);
      from = end + 1;
      if (value !== undefined) yield value;
    }
    if (from === chunk.length) continue;
    rest = Buffer.concat([rest, chunk.subarray(from)]);
    if (rest.length > longestLineBytes) read(rest);
  }
  const last = rest.length === 0 ? undefined : read(rest);
  if (last !== undefined) yield last;
}
