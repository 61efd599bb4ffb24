import { readNhsNumber, type NhsNumberBlock } from '../ndop/nhs-number.ts';
import { patients } from './vocabulary.ts';

/**
 * The NHS number that an absolute reference to a patient ends with; empty text where it is no such reference.
 * Source: nhsconnect/FHIR-NOO-API, pages/consentapi/consent_patient.md.
 */
export function numberTextIn(reference: string): string {
  return endOf(reference, patients.prefixes) ?? '';
}

/** What follows a prefix, and is one segment of a path. */
export function endOf(reference: string, prefixes: readonly string[]): string | undefined {
  for (const prefix of prefixes) {
    const end = reference.startsWith(prefix) ? reference.slice(prefix.length) : '';
    if (end !== '' && !end.includes('/')) return end;
  }
  return undefined;
}

/**
 * An NHS number as a whole number, where it is written as ten digits and nothing else: a typing error in a search would be
 * answered with nobody, which reads as no opt-out.
 */
export function nhsNumberIn(text: string, allowed: readonly NhsNumberBlock[]): number | undefined {
  if (!/^\d{10}$/.test(text)) return undefined;
  const reading = readNhsNumber(text, allowed);
  return 'nhsNumber' in reading ? Number(reading.nhsNumber) : undefined;
}
