import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { personLine, readCohortPart, type CohortPart } from '../../../shared/ndop/cohort-part.ts';
import { patientHashOf } from '../../../shared/ndop/snapshot.ts';
import { anyPieces, bodyOf } from '../../support/bodies.ts';
import { anyPeople } from '../../support/nhs-numbers.ts';

/** All that a part says, as text. */
function told(part: CohortPart) {
  return [...part.nhsNumbers].map((nhsNumber, place) => ({
    nhsNumber,
    ...(part.isPerson(place) ? { patientId: part.patientIdAt(place) } : {}),
    survivors: part.links.filter((link) => link.place === place).map(({ person }) => part.nhsNumbers[person]),
    ...(part.unclearable.includes(place) ? { isUnclearable: true } : {}),
  }));
}

describe('a part of the cohort', () => {
  it('is ten digits, a comma, the patient id and a line feed for each person', async () => {
    const body = `${personLine(101010001, 'p-1')}${personLine(9993395633, '')}`;
    expect(body).toBe('0101010001,p-1\n9993395633,\n');
    expect(told(await readCohortPart(bodyOf(body), { rows: 2, bytes: body.length }))).toEqual([
      { nhsNumber: 101010001, patientId: 'p-1', survivors: [] },
      { nhsNumber: 9993395633, patientId: '', survivors: [] },
    ]);
  });

  it('names numbers that are asked about for the sake of one or more others, who come before or after', async () => {
    const body =
      '9990506310>9990759545\n9990759545,p-1\n9990759545>9993395633\n9993395633,p-2\n9999939082>9990759545\n9999939082>9993395633\n';
    expect(told(await readCohortPart(bodyOf(body), { rows: 4, bytes: body.length }))).toEqual([
      { nhsNumber: 9990506310, survivors: [9990759545] },
      { nhsNumber: 9990759545, patientId: 'p-1', survivors: [9993395633] },
      { nhsNumber: 9993395633, patientId: 'p-2', survivors: [] },
      { nhsNumber: 9999939082, survivors: [9990759545, 9993395633] },
    ]);
  });

  it('marks people one of whose numbers cannot be asked about', async () => {
    const body = '9990506310,p-1\n9990506310!\n9990506310>9990759545\n9990759545,\n9990759545!\n';
    expect(told(await readCohortPart(bodyOf(body), { rows: 2, bytes: body.length }))).toEqual([
      { nhsNumber: 9990506310, patientId: 'p-1', survivors: [9990759545], isUnclearable: true },
      { nhsNumber: 9990759545, patientId: '', survivors: [], isUnclearable: true },
    ]);
  });

  it('reads back as it was written, wherever chunks are cut', async () => {
    const patientId = fc.oneof(fc.constant(''), fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/));
    await fc.assert(
      fc.asyncProperty(anyPeople(20), fc.infiniteStream(patientId), anyPieces, async (numbers, ids, pieces) => {
        const patientIds = [...ids.take(numbers.length)];
        const people = numbers.map((nhsNumber, place) => ({ nhsNumber, patientId: patientIds[place]!, survivors: [] }));
        const body = people.map((person) => personLine(person.nhsNumber, person.patientId)).join('');
        const part = await readCohortPart(bodyOf(body, pieces), { rows: numbers.length, bytes: body.length });
        expect(told(part)).toEqual(people);
        expect(people.map((_, place) => part.patientHashAt(place).toString(16).padStart(8, '0'))).toEqual(
          people.map((person) => patientHashOf(person.patientId)),
        );
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    { body: '9990506310,p\n', rows: 1, bytes: 12, because: 'a byte too many' },
    { body: '9990506310,p\n', rows: 1, bytes: 14, because: 'a byte too few' },
    { body: '9990506310,p\n', rows: 2, because: 'a person too few' },
    { body: '9990506310,p\n9990759545,q\n', rows: 1, because: 'a person too many' },
    { body: '9990759545,p\n9990506310,q\n', rows: 2, because: 'people out of order' },
    { body: '9990506310,p\n9990506310,q\n', rows: 1, because: 'a person twice' },
    { body: '9990506310,p', rows: 1, because: 'no end of its last line' },
    { body: '\n9990506310,p\n', rows: 1, because: 'a blank line' },
    { body: '999050631,p\n', rows: 1, because: 'nine digits' },
    { body: '9990506310;p\n', rows: 1, because: 'another separator' },
    { body: '9990506310!\n', rows: 0, because: 'a mark on nobody' },
    { body: '9990506310,p\n9990759545!\n', rows: 1, because: 'a mark on somebody else' },
    { body: 'xxxxxxxxxx>9990759545\n9990759545,\n', rows: 1, because: 'no digits' },
    { body: '9990506310>9990759545\n', rows: 1, because: 'a number that counts for nobody in it' },
    { body: '9990506310>999075954\n9990759545,q\n', rows: 2, because: 'a number that counts for nine digits' },
    { body: '9990506310>9990759545\n9990759545>9990506310\n', rows: 2, because: 'numbers that count for no person' },
  ])('with $because is FileAltered, and names nobody', async ({ body, rows, bytes = body.length }) => {
    const failure: unknown = await readCohortPart(bodyOf(body), { rows, bytes }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'FileAltered', message: expect.not.stringMatching(/\d{9}/) });
  });
});
