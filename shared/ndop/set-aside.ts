import { z } from 'zod';
import { PermanentError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { readLines } from '../lines.ts';
import { parseChange, writeChange } from './changes.ts';
import type { Change } from './reconcile.ts';
import { readRecord, writeRecord, type PersonRecord } from './snapshot.ts';

/** A change that the FHIR store did not take. */
export interface SetAside {
  readonly change: Change;
  readonly reason: string;
  /** What the store says of the person instead; undefined where it says nothing that is ours. */
  readonly held: PersonRecord | undefined;
}

const line = z.object({ change: z.string(), reason: z.string(), held: z.string().optional() });

/** As a line of NDJSON, with the lines that a change file and a snapshot would have. */
export function writeSetAside({ change, reason, held }: SetAside): string {
  const lines = {
    change: writeChange(change).trimEnd(),
    reason,
    ...(held ? { held: writeRecord(held).trimEnd() } : {}),
  };
  return `${JSON.stringify(lines)}\n`;
}

/** @throws PermanentError FileAltered */
export async function* readSetAside(body: AsyncIterable<Uint8Array>): AsyncGenerator<SetAside> {
  for await (const text of readLines(body)) {
    const parsed = line.safeParse(parseJson(text));
    if (!parsed.success)
      throw new PermanentError('FileAltered', 'A file of changes set aside holds a line of no known form');
    const { change, reason, held } = parsed.data;
    yield { change: parseChange(change), reason, held: held === undefined ? undefined : readRecord(held) };
  }
}
