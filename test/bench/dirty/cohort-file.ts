import { inventPeople } from '../people/people.ts';

/** A cohort file with everything in it that files in the wild have, and what has to come of it. */
export interface DirtyCohort {
  readonly csv: string;
  readonly counts: {
    readonly rows: number;
    readonly requested: number;
    readonly duplicates: number;
    readonly quarantined: Readonly<Record<string, number>>;
  };
  /** Everybody who is to be asked about, sorted. */
  readonly nhsNumbers: readonly number[];
}

export const lineEnds = ['\r\n', '\n', '\r'] as const;

/** The ways in which people and spreadsheets write the same ten digits. */
const forms: readonly ((digits: string) => string)[] = [
  (digits) => digits,
  (digits) => `${digits.slice(0, 3)} ${digits.slice(3, 6)} ${digits.slice(6)}`,
  (digits) => `${digits.slice(0, 3)}-${digits.slice(3, 6)}-${digits.slice(6)}`,
  (digits) => `"${digits}"`,
  (digits) => `  ${digits}\u00a0`,
];

/** Rows that nobody can be asked about, by the reason why, for any valid number. */
const refusals: Readonly<Record<string, (digits: string) => string>> = {
  missing: () => ';patient-without-a-number',
  'not-ten-digits': (digits) => `${digits.slice(1)};nine-digits`,
  'check-digit-wrong': (digits) => `${digits.slice(0, 9)}${(Number(digits[9]) + 1) % 10};mistyped`,
  placeholder: () => '9999999999;placeholder',
  // An example of NHS England's own documents, outside the block of test numbers.
  'range-not-allowed': () => '4010232137;live-number',
  'patient-id-invalid': (digits) => `${digits};"no ""id"" at all"`,
};

export function dirtyCohort(count: number, seed: number): DirtyCohort {
  const people = inventPeople(count, seed);
  const digitsAt = (place: number) => String(people.nhsNumber(place));
  const reasons = Object.keys(refusals);
  const quarantined = new Map<string, number>();
  let csv = '\ufeff"NHS Number";Patient_ID\r\n';
  let rows = 0;
  let duplicates = 0;
  const add = (row: string) => {
    csv += `${row}${lineEnds[rows % lineEnds.length] ?? ''}`;
    rows += 1;
  };
  for (let index = 0; index < count; index += 1) {
    const digits = digitsAt(people.shuffled(index));
    const row = `${forms[index % forms.length]?.(digits) ?? digits};patient-${index}`;
    add(row);
    if (index % 50 === 7) {
      add(row);
      duplicates += 1;
    }
    if (index % 40 === 3) {
      const reason = reasons[((index / 40) % reasons.length) | 0] ?? 'missing';
      add(refusals[reason]?.(digits) ?? '');
      quarantined.set(reason, (quarantined.get(reason) ?? 0) + 1);
    }
    if (index % 97 === 5) csv += '\r\n\n';
  }
  // The last line lacks its end, which loses nobody.
  csv = csv.trimEnd();
  return {
    csv,
    counts: { rows, requested: count, duplicates, quarantined: Object.fromEntries(quarantined) },
    nhsNumbers: Array.from({ length: count }, (_, place) => people.nhsNumber(place)),
  };
}
