import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const linesAtOnce = 1000;

/** Writes lines to a file, gzipped where its name says so. A thousand at once: a write per line would be half the time. */
export function writeLines(lines: AsyncIterable<string> | Iterable<string>, path: string): Promise<void> {
  const file = createWriteStream(path);
  return path.endsWith('.gz') ? pipeline(gathered(lines), createGzip(), file) : pipeline(gathered(lines), file);
}

async function* gathered(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let some: string[] = [];
  for await (const line of lines) {
    some.push(line);
    if (some.length < linesAtOnce) continue;
    yield some.join('');
    some = [];
  }
  yield some.join('');
}
