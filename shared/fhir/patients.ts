import { PermanentError } from '../errors.ts';
import { listOf, memberOf } from './store.ts';

export const nhsNumberSystem = 'https://fhir.nhs.uk/Id/nhs-number';
const chunkCharacters = 16_384;

/**
 * Patients as a cohort file, in chunks. The present NHS number stands first; every further one of the same Patient is
 * asked about too, superseded ones included. Nobody is left out: a Patient without a number is a line without one, and
 * the deceased stay in, as do those who are not active.
 *
 * @param at the moment for which a number's period is judged
 * @throws PermanentError PatientUnreadable, from the iteration
 */
export async function* patientsCsv(
  patients: AsyncIterable<unknown>,
  at: Date = new Date(),
): AsyncGenerator<Uint8Array> {
  let text = 'nhsNumber,patientId,otherNhsNumbers,replacedBy\n';
  for await (const patient of patients) {
    text += `${csvLine(patient, at)}\n`;
    if (text.length < chunkCharacters) continue;
    yield Buffer.from(text);
    text = '';
  }
  if (text !== '') yield Buffer.from(text);
}

function csvLine(patient: unknown, at: Date): string {
  const id = memberOf(patient, 'id');
  if (memberOf(patient, 'resourceType') !== 'Patient' || typeof id !== 'string' || id === '') {
    throw new PermanentError(
      'PatientUnreadable',
      'The FHIR store gave something as a Patient that is none, or that has no id. Nothing was sent',
    );
  }
  const { present, others } = nhsNumbersOf(patient, at);
  return [present, id, others.join(' '), survivorOf(patient) ?? ''].map(csvField).join(',');
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
 * The present number is one that is neither marked `old` nor past its period, the official one before others; what is
 * left may be a number that was superseded when records were merged, under which a choice can still stand.
 */
function nhsNumbersOf(patient: unknown, at: Date): NhsNumbers {
  const identifiers = listOf(memberOf(patient, 'identifier')).flatMap((identifier) => {
    const value = memberOf(identifier, 'value');
    if (memberOf(identifier, 'system') !== nhsNumberSystem || typeof value !== 'string') return [];
    const use = memberOf(identifier, 'use');
    const isPresent = use !== 'old' && !hasEnded(memberOf(identifier, 'period'), at);
    return [{ value, isPresent, isOfficial: use === 'official' }];
  });
  const present = identifiers.filter(({ isPresent }) => isPresent);
  const chosen = (present.find(({ isOfficial }) => isOfficial) ?? present[0])?.value ?? '';
  const digitsOf = (value: string) => value.replace(/\s/g, '');
  const others = new Set(identifiers.map(({ value }) => digitsOf(value)));
  others.delete(digitsOf(chosen));
  others.delete('');
  return { present: chosen, others: [...others] };
}

/** A date without a time includes all of its day, month or year. Source: FHIR R4, data type `Period`. */
function hasEnded(period: unknown, at: Date): boolean {
  const end = memberOf(period, 'end');
  if (typeof end !== 'string') return false;
  if (end.length > 10) return Date.parse(end) < at.getTime();
  return end < at.toISOString().slice(0, end.length);
}

/** Id of the Patient whose record has taken this one's place. */
function survivorOf(patient: unknown): string | undefined {
  const link = listOf(memberOf(patient, 'link')).find((found) => memberOf(found, 'type') === 'replaced-by');
  const reference = memberOf(memberOf(link, 'other'), 'reference');
  if (typeof reference !== 'string') return undefined;
  return /(?:^|\/)Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/.exec(reference)?.[1];
}
