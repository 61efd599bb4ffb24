import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Files } from '../shared/files.ts';
import { parseJson } from '../shared/json.ts';
import type { Latest } from '../shared/ledger/latest.ts';
import { hasValidCheckDigit } from '../shared/ndop/nhs-number.ts';
import type { NumberRange } from '../shared/ndop/number-range.ts';
import {
  faultsOf,
  snapshotManifest,
  type SnapshotEntry,
  type SnapshotManifest,
} from '../shared/ndop/snapshot-manifest.ts';

/** What stands in one file, and what is wrong with it; sentences name lines by their place, never by what they hold. */
export interface CheckedFile {
  readonly key: string;
  readonly bytes: number;
  readonly rows: number;
  readonly optedOut: number;
  /** People in the stretches of the number line that the manifest takes from this file. */
  readonly believed: number;
  readonly faults: readonly string[];
}

/**
 * The manifest that the ledger points at, and everything that is wrong with it. A manifest that has been altered is still
 * read where it can be, so that its files are looked at too.
 */
export async function checkManifest(
  files: Pick<Files, 'find'>,
  latest: Latest,
): Promise<{ readonly manifest?: SnapshotManifest; readonly faults: readonly string[] }> {
  const body = await files.find(latest.manifestKey);
  if (!body) return { faults: ['is not in the bucket'] };
  const isAsRecorded = createHash('sha256').update(body).digest('hex') === latest.manifestSha256;
  const parsed = snapshotManifest.safeParse(parseJson(body.toString('utf8')));
  const altered = isAsRecorded ? [] : ['is not what the ledger recorded: its bytes have changed'];
  if (!parsed.success) return { faults: [...altered, 'is not a snapshot manifest'] };
  const ofAnother = parsed.data.runId === latest.runId ? [] : ['is of another run than the ledger says'];
  return { manifest: parsed.data, faults: [...altered, ...ofAnother, ...faultsOf(parsed.data)] };
}

/** The entries of a manifest by the file that they name, in order. */
export function entriesByFile({ entries }: SnapshotManifest): SnapshotEntry[][] {
  const byKey = new Map<string, SnapshotEntry[]>();
  for (const entry of entries) byKey.set(entry.key, [...(byKey.get(entry.key) ?? []), entry]);
  return [...byKey.values()];
}

const time = String.raw`\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z`;
/** Of somebody who is opted out it is known since when. Earlier versions took twelve digits of a hash. */
const record = new RegExp(
  String.raw`(\d{10}),(?:(active),${time},${time}|inactive,${time},(?:${time})?),(?:[0-9a-f]{8}|[0-9a-f]{12})?,(?:${time})?\n`,
  'y',
);
const refusal = new RegExp(String.raw`(\d{10}),${time}\n`, 'y');

/**
 * Reads a file of the snapshot once, from its first byte to its last: hash, compression, form and order of its lines,
 * check digits, counts, and whether everybody in a file that this very run wrote lies where the manifest says.
 *
 * @param entries the entries that name the file
 */
export async function checkFile(
  files: Pick<Files, 'find'>,
  runId: string,
  entries: readonly SnapshotEntry[],
): Promise<CheckedFile> {
  const [entry] = entries;
  if (!entry) return { key: '', bytes: 0, rows: 0, optedOut: 0, believed: 0, faults: ['is named by no entry'] };
  const lines = new Lines(record, entries);
  const { bytes, faults } = await readThrough(files, entry, lines, true);
  // An earlier run's file may go on in stretches whose people this run was answered about.
  const isOfThisRun = entry.key.startsWith(`snapshots/${runId}/`);
  return {
    key: entry.key,
    bytes,
    rows: lines.rows,
    optedOut: lines.optedOut,
    believed: lines.within,
    faults: bytes === 0 ? faults : [...faults, ...lines.faults(), ...countFaults(lines, entry, isOfThisRun)],
  };
}

function countFaults(lines: Lines, entry: SnapshotEntry, isOfThisRun: boolean): string[] {
  const outside = lines.rows - lines.within;
  return [
    ...(lines.rows === entry.rows ? [] : [`holds ${lines.rows} people where the manifest says ${entry.rows}`]),
    ...(lines.optedOut === entry.optedOut
      ? []
      : [`holds ${lines.optedOut} who are opted out where the manifest says ${entry.optedOut}`]),
    ...(isOfThisRun && outside > 0 ? [`holds ${outside} people outside its stretch of the number line`] : []),
  ];
}

/** The same for the file of numbers that the service refused, plain text of `nhsNumber,since`. */
export async function checkRefused(
  files: Pick<Files, 'find'>,
  file: NonNullable<SnapshotManifest['refused']>,
): Promise<CheckedFile> {
  const lines = new Lines(refusal, []);
  const { bytes, faults } = await readThrough(files, file, lines, false);
  return { key: file.key, bytes, rows: lines.rows, optedOut: 0, believed: 0, faults: [...faults, ...lines.faults()] };
}

/** A part's file is of bounded length: it is held whole while compressed, and passes line by line. */
async function readThrough(
  files: Pick<Files, 'find'>,
  { key, sha256 }: { readonly key: string; readonly sha256: string },
  lines: Lines,
  isCompressed: boolean,
): Promise<{ readonly bytes: number; readonly faults: readonly string[] }> {
  const body = await files.find(key);
  if (!body) return { bytes: 0, faults: ['is not in the bucket'] };
  const faults: string[] = [];
  if (createHash('sha256').update(body).digest('hex') !== sha256) {
    faults.push('is not what the manifest recorded: its bytes have changed');
  }
  const source = Readable.from([body]);
  try {
    for await (const chunk of isCompressed ? source.pipe(createGunzip()) : source) lines.take(bytesIn(chunk));
  } catch (error) {
    if (!isCompressionFault(error)) throw error;
    faults.push('is no gzip data, or not to its end');
  }
  return { bytes: body.length, faults };
}

const bytesIn = (chunk: unknown): Buffer => (Buffer.isBuffer(chunk) ? chunk : Buffer.alloc(0));

/** zlib's own codes all begin so. */
function isCompressionFault(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && String(error.code).startsWith('Z_');
}

/** Counts and judges lines as they pass. */
class Lines {
  rows = 0;
  optedOut = 0;
  within = 0;
  readonly #form: RegExp;
  readonly #stretches: readonly NumberRange[];
  #stretch = 0;
  #rest = '';
  #last = -1;
  #lines = 0;
  readonly #counts = { malformed: 0, unsorted: 0, invalid: 0 };
  readonly #first = { malformed: 0, unsorted: 0, invalid: 0 };

  /** @param form one whole line with its end, sticky; its groups are the number, and a word where somebody is opted out */
  constructor(form: RegExp, stretches: readonly NumberRange[]) {
    this.#form = new RegExp(form);
    this.#stretches = stretches;
  }

  take(chunk: Buffer): void {
    const text = this.#rest + chunk.toString('latin1');
    let at = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', at)) {
      this.#form.lastIndex = at;
      this.#lines += 1;
      const match = this.#form.exec(text);
      if (match && this.#form.lastIndex === end + 1) this.#count(Number(match[1]), match[2] !== undefined);
      else this.#note('malformed');
      at = end + 1;
    }
    this.#rest = text.slice(at);
  }

  /** What was wrong, once the last line has passed. */
  faults(): string[] {
    const said = {
      malformed: 'that are no lines of such a file',
      unsorted: 'not above the one before',
      invalid: 'with a wrong check digit',
    };
    const kinds = ['malformed', 'unsorted', 'invalid'] as const;
    return [
      ...kinds
        .filter((kind) => this.#counts[kind] > 0)
        .map((kind) => `has ${this.#counts[kind]} lines ${said[kind]}, line ${this.#first[kind]} the first`),
      ...(this.#rest === '' ? [] : ['ends within a line']),
    ];
  }

  #count(nhsNumber: number, isOptedOut: boolean): void {
    this.rows += 1;
    if (isOptedOut) this.optedOut += 1;
    if (nhsNumber <= this.#last) this.#note('unsorted');
    else this.#last = nhsNumber;
    if (!hasValidCheckDigit(nhsNumber)) this.#note('invalid');
    while (nhsNumber >= (this.#stretches[this.#stretch]?.to ?? Infinity)) this.#stretch += 1;
    if (nhsNumber >= (this.#stretches[this.#stretch]?.from ?? Infinity)) this.within += 1;
  }

  #note(kind: 'malformed' | 'unsorted' | 'invalid'): void {
    if (this.#counts[kind] === 0) this.#first[kind] = this.#lines;
    this.#counts[kind] += 1;
  }
}
