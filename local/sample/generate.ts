/**
 * Makes the sample cohort that `npm run local` uses: `node local/sample/generate.ts`. Everybody in it is synthetic. The 24
 * numbers of the national service's published example file are among them; only 4 of those pass the check digit.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSyntheticOptOut, withCheckDigit } from '../people/synthetic.ts';

const publishedExample = [
  '9000543664 9000956406 9000617017 9000429321 9000962382 9000819657 9000159594 9000898358',
  '9000093377 9000174186 9000449907 9000401318 9000662584 9000363907 9000683339 9000803888',
  '9000134329 9000961849 9000092770 9000925967 9000230070 9000021513 9000581394 9000504543',
].flatMap((line) => line.split(' '));

/** What hands and spreadsheets do to NHS numbers; each is a row of its own. */
const spoiled = [
  '', // missing
  'unknown',
  '999 123', // too short
  '99912345678', // too long
  '9991234567', // wrong check digit
  '1111111111', // placeholder
  '2222222222',
  '9999999999',
  withCheckDigit('320123456') ?? '', // Northern Ireland
  withCheckDigit('010100001') ?? '', // Scotland
  '9.99E+09', // a spreadsheet's idea of a number
  'O991234567', // letter O
];

const people = 2_000;
const optOutRate = 0.054;

function* samplePeople(): Generator<string> {
  for (let stem = 999_000_100, made = 0; made < people; stem += 397) {
    const nhsNumber = withCheckDigit(String(stem));
    if (nhsNumber === undefined) continue;
    made += 1;
    yield nhsNumber;
  }
}

const numbers = [...samplePeople()];
const rows = numbers.map((nhsNumber, index) => {
  const written =
    index % 50 === 7
      ? `${nhsNumber.slice(0, 3)} ${nhsNumber.slice(3, 6)} ${nhsNumber.slice(6)}`
      : index % 90 === 11
        ? `${nhsNumber.slice(0, 3)}-${nhsNumber.slice(3, 6)}-${nhsNumber.slice(6)}`
        : nhsNumber;
  return `${written},patient-${String(index + 1).padStart(4, '0')}`;
});
const repeated = numbers.slice(0, 5).map((nhsNumber, index) => `${nhsNumber},patient-again-${index + 1}`);
const published = publishedExample.map((nhsNumber, index) => `${nhsNumber},patient-published-${index + 1}`);
const wrong = spoiled.map((text, index) => `${text},patient-spoiled-${index + 1}`);

const here = import.meta.dirname;
await writeFile(
  join(here, 'cohort.csv'),
  `${['nhsNumber,patientId', ...rows, ...repeated, ...published, ...wrong].join('\n')}\n`,
);
const optedOut = [...numbers, ...publishedExample].filter((nhsNumber) => isSyntheticOptOut(nhsNumber, optOutRate, 1));
await writeFile(join(here, 'opted-out.txt'), `${optedOut.join('\n')}\n`);
