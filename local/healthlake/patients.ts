import type { Patient } from './fhir.ts';
import type { Issue } from './refused.ts';
import type { Store } from './store.ts';
import { validate } from './validation.ts';

const rowsPerTransaction = 10_000;

/** A Patient that HealthLake would not take; the message gives its position and the issues, never its content. */
class InvalidPatient extends Error {
  override readonly name = 'InvalidPatient';

  constructor(position: number, issues: readonly Issue[]) {
    const reasons = issues.map(({ diagnostics, expression }) => `${expression ?? 'Patient'}: ${diagnostics}`);
    super(`Patient ${position} of the list is not valid R4: ${reasons.join('; ')}`);
  }
}

/**
 * Makes the Patients of a store exactly those given. A Patient that says what its current version says keeps that
 * version; of two with one id the later counts. Memory does not grow with the number of Patients.
 *
 * @throws InvalidPatient, having deleted nothing
 */
export async function replacePatients(
  patients: Iterable<Patient> | AsyncIterable<Patient>,
  store: Store,
): Promise<void> {
  store.forgetKept();
  let position = 0;
  let rows: Patient[] = [];
  const write = () => {
    store.transaction(() => {
      for (const patient of rows) {
        store.keep(patient.id);
        store.putIfChanged(patient);
      }
    });
    rows = [];
  };
  for await (const patient of patients) {
    position += 1;
    const issues = validate(patient);
    if (issues.length > 0) throw new InvalidPatient(position, issues);
    rows.push(patient);
    if (rows.length === rowsPerTransaction) write();
  }
  write();
  let after: string | undefined = '';
  while (after !== undefined) {
    const from: string = after;
    after = store.transaction(() => store.deleteUnkept('Patient', from, rowsPerTransaction));
  }
  store.forgetKept();
}
