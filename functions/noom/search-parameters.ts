import { limitingAccess } from '../../shared/fhir/consent.ts';
import { isUuid } from '../../shared/fhir/uuid.ts';
import type { NhsNumberBlock } from '../../shared/ndop/nhs-number.ts';
import { endOf, nhsNumberIn } from '../../shared/noom/references.ts';
import { Refusal } from '../../shared/noom/refusal.ts';
import {
  actReasons,
  ndopProfile,
  patients,
  preferences,
  secureSnomed,
  subjects,
  type Subject,
} from '../../shared/noom/vocabulary.ts';

/** What is looked for: all of a person, or what is shown under an id, which may have to be a person's. */
export type Search = {
  readonly wanted: readonly Subject[];
  readonly statuses: readonly string[];
} & (
  | { readonly id: undefined; readonly nhsNumber: number }
  | { readonly id: string; readonly nhsNumber: number | undefined }
);

const byPatient = ['patient', 'patient.identifier', 'patient:identifier'] as const;
const searched = [...byPatient, '_id', 'purpose', 'status', '_profile', '_format'];
const statuses = ['active', 'inactive'];

/**
 * Reads the parameters of a search. What is not known is refused rather than passed over: a filter that is not applied finds
 * other people's records, and one that matches nothing reads as no opt-out.
 *
 * @throws Refusal BAD_REQUEST, INVALID_NHS_NUMBER, INVALID_IDENTIFIER_SYSTEM, INVALID_CODE_SYSTEM, INVALID_CODE_VALUE
 */
export function readSearch(parameters: URLSearchParams, blocks: readonly NhsNumberBlock[]): Search {
  requireKnown(parameters, searched);
  const nhsNumber = readPatient(parameters, blocks);
  const id = parameters.get('_id') ?? undefined;
  if (id !== undefined && !isUuid(id))
    throw new Refusal('BAD_REQUEST', '_id must be one id, and every id here is a UUID');
  const filters = { wanted: readSubjects(parameters, id !== undefined), statuses: readStatuses(parameters) };
  if (id !== undefined) return { id, nhsNumber, ...filters };
  if (nhsNumber !== undefined) return { id, nhsNumber, ...filters };
  throw new Refusal('BAD_REQUEST', 'A search needs patient or _id');
}

/** What of a person's history is looked for. Source: nhsconnect/FHIR-NOO-API, _includes/custom/history.consent.html. */
export interface HistorySearch {
  readonly nhsNumber: number;
  readonly versionId: string | undefined;
  readonly wanted: readonly Subject[];
}

/** @throws Refusal as `readSearch` does */
export function readHistorySearch(parameters: URLSearchParams, blocks: readonly NhsNumberBlock[]): HistorySearch {
  requireKnown(parameters, [...byPatient, 'versionId', 'purpose', '_profile', '_format']);
  const nhsNumber = readPatient(parameters, blocks);
  if (nhsNumber === undefined) throw new Refusal('BAD_REQUEST', 'A history of more than one Consent needs patient');
  return { nhsNumber, versionId: parameters.get('versionId') ?? undefined, wanted: readSubjects(parameters, false) };
}

function requireKnown(parameters: URLSearchParams, known: readonly string[]): void {
  for (const name of parameters.keys()) {
    // A name that is not known is not repeated: it may be anything.
    if (!known.includes(name)) throw new Refusal('BAD_REQUEST', `Parameters are ${known.join(', ')}, and no others`);
    if (parameters.getAll(name).length > 1) throw new Refusal('BAD_REQUEST', `${name} must be given only once`);
  }
}

function readPatient(parameters: URLSearchParams, blocks: readonly NhsNumberBlock[]): number | undefined {
  const given = byPatient.flatMap((name) => {
    const value = parameters.get(name);
    return value === null ? [] : [{ name, value }];
  });
  const [found, another] = given;
  if (!found) return undefined;
  if (another) throw new Refusal('BAD_REQUEST', `${found.name} and ${another.name} say the same: give one of them`);
  const number = nhsNumberIn(digitsIn(found), blocks);
  if (number !== undefined) return number;
  throw new Refusal(
    'INVALID_NHS_NUMBER',
    `${found.name} must be an NHS number of ten digits whose check digit is right and that may be used here, or a reference to a patient that ends in one`,
  );
}

function digitsIn({ name, value }: { readonly name: (typeof byPatient)[number]; readonly value: string }): string {
  if (name === 'patient') return endOf(value, [...patients.prefixes, 'Patient/']) ?? value;
  const { system, code } = tokenIn(value);
  if (system !== undefined && system !== patients.system) {
    throw new Refusal('INVALID_IDENTIFIER_SYSTEM', `${name}: the system must be ${patients.system}`);
  }
  return code;
}

function readSubjects(parameters: URLSearchParams, isById: boolean): readonly Subject[] {
  const profile = parameters.get('_profile');
  if (profile !== null && profile !== ndopProfile) {
    throw new Refusal('BAD_REQUEST', `_profile must be ${ndopProfile}, or left out for the two preferences`);
  }
  const ofDesign = profile === null ? preferences : (['NDOP'] as const);
  const purpose = parameters.get('purpose');
  // An id names one Consent, of whatever design.
  if (purpose === null) return isById && profile === null ? subjects : ofDesign;
  const named = purpose.split(',').map(subjectIn);
  if (profile === null || named.every((subject) => subject === 'NDOP')) return named;
  throw new Refusal('INVALID_CODE_VALUE', `purpose: in the profile it is ${limitingAccess.code}`);
}

function subjectIn(token: string): Subject {
  const { system, code } = tokenIn(token);
  const isNdop = code === limitingAccess.code;
  const subject = isNdop ? 'NDOP' : preferences.find((preference) => preference === code);
  if (!subject) {
    throw new Refusal('INVALID_CODE_VALUE', `purpose must be of ${preferences.join(', ')} and ${limitingAccess.code}`);
  }
  const systems: readonly string[] = isNdop ? [limitingAccess.system, secureSnomed] : [actReasons.stu3];
  if (system !== undefined && !systems.includes(system)) {
    throw new Refusal('INVALID_CODE_SYSTEM', `purpose: the system of ${code} is ${systems[0] ?? ''}`);
  }
  return subject;
}

function readStatuses(parameters: URLSearchParams): readonly string[] {
  const named = parameters.get('status')?.split(',') ?? statuses;
  const codes = named.map((token) => tokenIn(token).code);
  if (codes.every((code) => statuses.includes(code))) return codes;
  throw new Refusal('INVALID_CODE_VALUE', `status must be of ${statuses.join(' and ')}`);
}

/** `system|code`, or the code alone. Source: FHIR STU3, "Search", token. */
function tokenIn(token: string): { readonly system: string | undefined; readonly code: string } {
  const bar = token.indexOf('|');
  if (bar < 0) return { system: undefined, code: token };
  const system = token.slice(0, bar);
  return { system: system === '' ? undefined : system, code: token.slice(bar + 1) };
}
