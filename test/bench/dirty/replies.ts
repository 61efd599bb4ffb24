import { inventPeople, type People } from '../people/people.ts';
import { lineEnds } from './cohort-file.ts';

/** An answer with faults in it, and what has to come of it: counts, or the name of the refusal. */
export type DirtyReply = { readonly name: string; readonly body: string } & (
  | { readonly rows: number; readonly duplicates: number; readonly optedOut: readonly number[] }
  | { readonly refusal: 'ReplyTruncated' | 'ReplyHasStrangers' | 'ReplyMalformed' }
);

/** All that may follow the digits of a row, or stand before them, without changing what it says. */
const forms: readonly ((nhsNumber: number) => string)[] = [
  (nhsNumber) => `${nhsNumber},`,
  (nhsNumber) => String(nhsNumber),
  (nhsNumber) => `  ${nhsNumber} ,`,
  (nhsNumber) => `${nhsNumber},,more`,
];

export function dirtyReplies(count: number, seed: number): DirtyReply[] {
  const people = inventPeople(count, seed);
  const places = Array.from({ length: count }, (_, index) => people.shuffled(index));
  const staying = places.filter((place) => !people.isOptedOut(place)).map(people.nhsNumber);
  const clean = staying.map((nhsNumber) => `${nhsNumber},\r\n`);
  const inMiddle = (row: string) => clean.toSpliced(clean.length >> 1, 0, row).join('');
  const refused = (name: string, body: string, refusal: 'ReplyTruncated' | 'ReplyHasStrangers' | 'ReplyMalformed') => ({
    ...{ name, body, refusal },
  });
  return [
    untidy(people, staying),
    refused('cut after a digit', clean.join('').slice(0, -5), 'ReplyTruncated'),
    refused('cut before its last line end', clean.join('').slice(0, -2), 'ReplyTruncated'),
    refused('with somebody who was not asked about', inMiddle(`${strangerTo(people)},\r\n`), 'ReplyHasStrangers'),
    refused('with nine digits', inMiddle('900000054,\r\n'), 'ReplyMalformed'),
    refused('with two rows glued together', inMiddle('90000005489000001684,\r\n'), 'ReplyMalformed'),
    refused('with a sentence', inMiddle('The service is closed for maintenance.\r\n'), 'ReplyMalformed'),
  ];
}

/** Mixed line ends, blank lines, a byte-order mark, repeated rows, any order: all of it says the same as a tidy answer. */
function untidy(people: People, staying: readonly number[]): DirtyReply {
  let body = '\u00ef\u00bb\u00bf';
  let rows = 0;
  let duplicates = 0;
  const add = (nhsNumber: number) => {
    body += `${forms[rows % forms.length]?.(nhsNumber) ?? ''}${lineEnds[rows % lineEnds.length] ?? ''}`;
    rows += 1;
  };
  for (const [index, nhsNumber] of staying.entries()) {
    add(nhsNumber);
    if (index % 60 === 11) {
      add(nhsNumber);
      duplicates += 1;
    }
    if (index % 89 === 2) body += '\r\n \n';
  }
  const everywhere = Array.from({ length: people.count }, (_, place) => place);
  const optedOut = everywhere.filter(people.isOptedOut).map(people.nhsNumber);
  return { name: 'untidy', body, rows, duplicates, optedOut };
}

/** A valid number of nobody: few people leave most of the test block free. */
function strangerTo(people: People): number {
  const known = new Set(Array.from({ length: people.count }, (_, place) => people.nhsNumber(place)));
  const others = inventPeople(people.count, 987_654);
  for (let place = 0; place < people.count; place += 1) {
    const nhsNumber = others.nhsNumber(place);
    if (!known.has(nhsNumber)) return nhsNumber;
  }
  throw new Error('Everybody is known');
}
