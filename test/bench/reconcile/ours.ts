/** Reads each part of the cohort, matches its reply and writes who has opted out. */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { matchAnswer, type MatchedAnswer } from '../../../shared/ndop/answer.ts';
import { readCohortPart } from '../../../shared/ndop/cohort-part.ts';
import { writeTenDigits } from '../../../shared/ndop/ten-digits.ts';
import { contend, endPart, type Assignment } from '../contend.ts';
import { present, read } from '../read.ts';

const rowBytes = 11;
const lineFeed = 0x0a;

async function* optedOut({ data }: Assignment): AsyncGenerator<Buffer> {
  for (const { files } of data.parts) {
    const { nhsNumbers } = await readCohortPart(read(files.cohort), present(files.cohort));
    yield optedOutOf(nhsNumbers, await matchAnswer(nhsNumbers, read(files.reply)));
    endPart();
  }
}

function optedOutOf(nhsNumbers: Float64Array, { returned, rows, duplicates }: MatchedAnswer): Buffer {
  const lines = Buffer.allocUnsafe((nhsNumbers.length - (rows - duplicates)) * rowBytes);
  let at = 0;
  for (let place = 0; place < returned.length; place += 1) {
    if (returned[place] === 1) continue;
    writeTenDigits(lines, at, nhsNumbers[place] ?? 0);
    lines[at + 10] = lineFeed;
    at += rowBytes;
  }
  return lines;
}

await contend((assignment) =>
  pipeline(optedOut(assignment), createWriteStream(join(assignment.answer, 'opted-out.txt'))),
);
