import { PermanentError } from '../errors.ts';
import { nhsNumberBlocks, readNhsNumber } from '../ndop/nhs-number.ts';
import { listOf, memberOf } from '../json.ts';

export const nhsNumberSystem = 'https://fhir.nhs.uk/Id/nhs-number';
const chunkCharacters = 16_384;
/** Source: FHIR R4, data type `id`. */
const longestId = 64;

/**
 * Patients as a cohort file, in chunks. The present NHS number stands first; every further one of the same Patient is
 * asked about too, superseded ones included. Nobody is left out: a Patient without a present number is a line without
 * one, and the deceased stay in, as do those who are not active.
 *
 * @param baseUrl of the store, with its trailing slash; a link with an absolute reference leads to a Patient of ours only
 *   below it
 * @param at the moment for which a number's period is judged
 * @throws PermanentError PatientUnreadable, from the iteration
 */
export async function* patientsCsv(
  patients: AsyncIterable<unknown>,
  baseUrl: string,
  at: Date = new Date(),
): AsyncGenerator<Uint8Array> {
  let text = 'nhsNumber,patientId,otherNhsNumbers,replacedBy,replaces\n';
  for await (const patient of patients) {
    text += `${csvLine(patient, baseUrl, at)}\n`;
    if (text.length < chunkCharacters) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}

function csvLine(patient: unknown, baseUrl: string, at: Date): string {
  const id = memberOf(patient, 'id');
  if (memberOf(patient, 'resourceType') !== 'Patient' || typeof id !== 'string' || id === '') {
    throw new PermanentError(
      'PatientUnreadable',
      'The FHIR store gave something as a Patient that is none, or that has no id. Nothing was sent',
    );
  }
  const { present, others } = nhsNumbersOf(patient, at);
  const links = listOf(memberOf(patient, 'link'));
  const replacedBy = linkedIds(links, 'replaced-by', baseUrl).map((found) => found ?? nobodyFor(id));
  const replaces = linkedIds(links, 'replaces', baseUrl).filter((found) => found !== undefined);
  const lists = [others, new Set(replacedBy), new Set(replaces)].map((list) => [...list].join(' '));
  return [present, id, ...lists].map(csvField).join(',');
}

/** Values are free text of a store: what would end a field or a line must not. */
function csvField(value: string): string {
  if (/^[\w. -]*$/.test(value)) return value;
  return `"${value.replace(/[\r\n\u2028\u2029]+/g, ' ').replaceAll('"', '""')}"`;
}

interface NhsNumbers {
  /** As it stands in the store, or empty text. */
  readonly present: string;
  /** Without the blanks that one may hold, since blanks part them. */
  readonly others: readonly string[];
}

/**
 * The present number is one that is neither marked `old` nor past its period: the first valid one, official ones before
 * others, or else the first. What is left may be a number that was superseded when records were merged, under which a
 * choice can still stand.
 */
function nhsNumbersOf(patient: unknown, at: Date): NhsNumbers {
  const identifiers = listOf(memberOf(patient, 'identifier')).flatMap((identifier) => {
    const value = memberOf(identifier, 'value');
    if (memberOf(identifier, 'system') !== nhsNumberSystem || typeof value !== 'string') return [];
    const use = memberOf(identifier, 'use');
    const isPresent = use !== 'old' && !hasEnded(memberOf(identifier, 'period'), at);
    return [{ value, isPresent, isOfficial: use === 'official' }];
  });
  const present = identifiers
    .filter(({ isPresent }) => isPresent)
    .sort((one, other) => Number(other.isOfficial) - Number(one.isOfficial));
  const chosen = (present.find(({ value }) => isValid(value)) ?? present[0])?.value ?? '';
  const digitsOf = (value: string) => value.replace(/\s/g, '');
  const others = new Set(identifiers.map(({ value }) => digitsOf(value)));
  others.delete(digitsOf(chosen));
  others.delete('');
  return { present: chosen, others: [...others] };
}

/** Whatever its block: which of them may be asked about is for the reader of the file to say. */
function isValid(value: string): boolean {
  return 'nhsNumber' in readNhsNumber(value, nhsNumberBlocks);
}

/** A date without a time includes all of its day, month or year. Source: FHIR R4, data type `Period`. */
function hasEnded(period: unknown, at: Date): boolean {
  const end = memberOf(period, 'end');
  if (typeof end !== 'string') return false;
  if (end.length > 10) return Date.parse(end) < at.getTime();
  return end < at.toISOString().slice(0, end.length);
}

/**
 * Ids of the Patients whom links of this type name; undefined for a link that names no Patient of this store, be it by an
 * identifier alone.
 */
function linkedIds(links: readonly unknown[], type: string, baseUrl: string): (string | undefined)[] {
  const chosen = links.filter((link) => memberOf(link, 'type') === type);
  return chosen.map((link) => idIn(memberOf(memberOf(link, 'other'), 'reference'), baseUrl));
}

function idIn(reference: unknown, baseUrl: string): string | undefined {
  if (typeof reference !== 'string') return undefined;
  const relative = reference.startsWith(baseUrl) ? reference.slice(baseUrl.length) : reference;
  return /^Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(relative)?.[1];
}

/** An id that no other Patient names, so that the link is counted as one that leads to nobody. */
function nobodyFor(patientId: string): string {
  const mark = 'unresolved-';
  return mark + patientId.slice(mark.length - longestId);
}
