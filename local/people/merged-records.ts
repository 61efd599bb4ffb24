import { nhsNumberSystem } from '../../shared/fhir/patients.ts';
import { nhsNumberBlocks, readNhsNumber } from '../../shared/ndop/nhs-number.ts';
import { isObject, listOf, textOf, type Patient } from '../healthlake/fhir.ts';
import { syntheticNhsNumbers } from './synthetic.ts';

const [oldNumber = '', replacedNumber = ''] = syntheticNhsNumbers(2, 270_519);

/** Whether a number is one of those that `withMergedRecords` gives to somebody beside the one that they had. */
export function isSuperseded(nhsNumber: string): boolean {
  return nhsNumber === oldNumber || nhsNumber === replacedNumber;
}

/**
 * The same Patients, the first three of whom with a valid number and no opt-out of their own have: an old number, the
 * record of somebody whom they replaced, and a second record of the same number.
 */
export async function* withMergedRecords(
  patients: AsyncIterable<Patient>,
  isOptedOut: (nhsNumber: string) => boolean,
): AsyncGenerator<Patient> {
  let chosen = 0;
  for await (const patient of patients) {
    const [identifier] = listOf(patient.identifier);
    const value = isObject(identifier) ? (textOf(identifier.value) ?? '') : '';
    const reading = readNhsNumber(value, nhsNumberBlocks);
    if (chosen === 3 || !('nhsNumber' in reading) || isOptedOut(reading.nhsNumber)) {
      yield patient;
      continue;
    }
    chosen += 1;
    yield* [hasOldNumber, hasReplaced, isThereTwice][chosen - 1]?.(patient) ?? [patient];
  }
}

function hasOldNumber(patient: Patient): Patient[] {
  const old = { system: nhsNumberSystem, value: oldNumber, use: 'old', period: { end: '2019-04-01' } };
  return [{ ...patient, identifier: [old, ...listOf(patient.identifier)] }];
}

function hasReplaced(patient: Patient): Patient[] {
  const replaced: Patient = {
    resourceType: 'Patient',
    id: `replaced-${patient.id}`.slice(0, 64),
    active: false,
    identifier: [{ system: nhsNumberSystem, value: replacedNumber }],
    link: [{ type: 'replaced-by', other: { reference: `Patient/${patient.id}` } }],
  };
  return [patient, replaced];
}

function isThereTwice(patient: Patient): Patient[] {
  return [patient, { ...patient, id: `zz-${patient.id}`.slice(0, 64) }];
}
