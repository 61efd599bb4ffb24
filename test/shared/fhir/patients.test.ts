import { Readable } from 'node:stream';
import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'csv-parse/sync';
import { patientsCsv } from '../../../shared/fhir/patients.ts';
import { collect } from '../../../shared/collect.ts';

const system = 'https://fhir.nhs.uk/Id/nhs-number';
const baseUrl = 'https://healthlake.eu-west-2.amazonaws.com/datastore/abc/r4/';
const at = new Date('2026-11-20T06:00:00Z');

async function csvOf(...patients: readonly unknown[]): Promise<string> {
  return (await collect(patientsCsv(Readable.from(patients), baseUrl, at))).toString();
}

/** The line of the one Patient with these elements. */
async function lineOf(elements: object): Promise<string | undefined> {
  return (await csvOf({ resourceType: 'Patient', id: 'p1', ...elements })).split('\n')[1];
}

const number = (value: unknown, more: object = {}) => ({ system, value, ...more });

describe('Patients as a cohort file', () => {
  it('names its columns even where there is nobody', async () => {
    expect(await csvOf()).toBe('nhsNumber,patientId,otherNhsNumbers,replacedBy,replaces\n');
  });

  test.each([
    { what: 'one number', identifier: [number('9000000009')], line: '9000000009,p1,,,' },
    { what: 'no identifier', identifier: undefined, line: ',p1,,,' },
    { what: 'identifiers that are no list', identifier: { system, value: '9000000009' }, line: ',p1,,,' },
    { what: 'a number without a value', identifier: [number(undefined)], line: ',p1,,,' },
    { what: 'a number that is no text', identifier: [number(9000000009)], line: ',p1,,,' },
    {
      what: 'another system',
      identifier: [{ system: 'https://example.org/mrn', value: '9000000009' }, number('9000000017')],
      line: '9000000017,p1,,,',
    },
    {
      what: 'an old number before the present one',
      identifier: [number('9000000009', { use: 'old' }), number('9000000017')],
      line: '9000000017,p1,9000000009,,',
    },
    { what: 'old numbers alone', identifier: [number('9000000009', { use: 'old' })], line: ',p1,9000000009,,' },
    {
      what: 'an official number behind another',
      identifier: [number('9000000009'), number('9000000017', { use: 'official' })],
      line: '9000000017,p1,9000000009,,',
    },
    {
      what: 'two numbers of the same standing',
      identifier: [number('9000000009'), number('9000000017'), number('9000000025')],
      line: '9000000009,p1,9000000017 9000000025,,',
    },
    {
      what: 'one number twice, differently spaced',
      identifier: [number('900 000 0009'), number('9000000009', { use: 'old' })],
      line: '900 000 0009,p1,,,',
    },
    {
      what: 'an old number with blanks in it',
      identifier: [number('9000000009'), number('900 000 0017', { use: 'old' })],
      line: '9000000009,p1,9000000017,,',
    },
    {
      what: 'a number whose period ended yesterday',
      identifier: [number('9000000009', { period: { end: '2026-11-19' } }), number('9000000017')],
      line: '9000000017,p1,9000000009,,',
    },
    {
      what: 'a number whose period ends today, this month, this year',
      identifier: ['2026-11-20', '2026-11', '2026', '2026-11-20T06:00:01Z'].map((end, index) =>
        number(`900000000${index}`, { period: { end } }),
      ),
      line: '9000000000,p1,9000000001 9000000002 9000000003,,',
    },
    {
      what: 'a number whose period ended a second ago, in another time zone',
      identifier: [number('9000000009', { use: 'official', period: { end: '2026-11-20T06:59:59+01:00' } })],
      line: ',p1,9000000009,,',
    },
    {
      what: 'an official number that is not valid, before valid ones',
      identifier: [
        number('9000000008', { use: 'official' }),
        number('9000000017'),
        number('900 000 0025', { use: 'official' }),
      ],
      line: '900 000 0025,p1,9000000008 9000000017,,',
    },
    {
      what: 'present numbers none of which is valid',
      identifier: [number('123'), number('456', { use: 'official' }), number('9000000009', { use: 'old' })],
      line: '456,p1,123 9000000009,,',
    },
  ])('gives $line for $what', async ({ identifier, line }) => {
    expect(await lineOf({ identifier })).toBe(line);
  });

  test.each([
    { reference: 'Patient/p2', survivor: 'p2' },
    { reference: 'Patient/p2/_history/3', survivor: 'p2' },
    { reference: `${baseUrl}Patient/p2`, survivor: 'p2' },
    { reference: `${baseUrl}Patient/p2/_history/3`, survivor: 'p2' },
    {
      reference: 'https://healthlake.eu-west-2.amazonaws.com/datastore/other/r4/Patient/p2',
      survivor: 'unresolved-p1',
    },
    { reference: 'https://fhir.example/Patient/p2', survivor: 'unresolved-p1' },
    { reference: '/Patient/p2', survivor: 'unresolved-p1' },
    { reference: '#Patient/p2', survivor: 'unresolved-p1' },
    { reference: 'RelatedPerson/p2', survivor: 'unresolved-p1' },
    { reference: 'urn:uuid:5b0a6b0e-4c4a-4e0e-9f5e-1d6f4a1c9f00', survivor: 'unresolved-p1' },
    { reference: undefined, survivor: 'unresolved-p1' },
  ])('takes $survivor for the survivor named as $reference', async ({ reference, survivor }) => {
    const link = [
      { type: 'seealso', other: { reference: 'Patient/p9' } },
      { type: 'replaced-by', other: { reference, identifier: { value: 'p2' } } },
    ];
    expect(await lineOf({ link })).toBe(`,p1,,${survivor},`);
  });

  it('names every Patient who replaced it or whom it replaced, each once', async () => {
    const linkOf = (type: string, reference?: string) => ({ type, other: { reference } });
    const link = [
      ...[linkOf('replaced-by', 'Patient/p2'), linkOf('replaces', 'Patient/p4'), linkOf('replaced-by')],
      ...[linkOf('replaced-by', 'Patient/p3'), linkOf('replaced-by', 'Patient/p2'), linkOf('replaces')],
      ...[linkOf('replaces', 'Patient/p5'), linkOf('refer', 'Patient/p6'), linkOf('replaced-by', 'urn:x')],
    ];
    expect(await lineOf({ link })).toBe(',p1,,p2 unresolved-p1 p3,p4 p5');
  });

  it('names nobody by an id that is as short as an id has to be', async () => {
    const id = 'x'.repeat(64);
    expect(await lineOf({ id, link: [{ type: 'replaced-by' }] })).toBe(`,${id},,unresolved-${'x'.repeat(53)},`);
  });

  it('keeps who has died or is not active', async () => {
    const identifier = [number('9000000009')];
    expect(await lineOf({ identifier, active: false, deceasedBoolean: true })).toBe('9000000009,p1,,,');
  });

  test.each([{ resourceType: 'Practitioner', id: 'p1' }, { resourceType: 'Patient' }, undefined, 'Patient'])(
    'refuses %j',
    async (patient) => {
      await expect(csvOf(patient)).rejects.toMatchObject({ name: 'PatientUnreadable' });
    },
  );

  it('stays one line a Patient and four commas a line, whatever the store says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), async (values) => {
        const patients = values.map((value, index) => ({
          resourceType: 'Patient',
          id: `p${index}`,
          identifier: [number(value)],
        }));
        const records: unknown = parse(await csvOf(...patients));
        expect(records).toEqual([
          ['nhsNumber', 'patientId', 'otherNhsNumbers', 'replacedBy', 'replaces'],
          ...values.map((value, index) => [value.replace(/[\r\n\u2028\u2029]+/g, ' '), `p${index}`, '', '', '']),
        ]);
      }),
    );
  });

  it('comes in chunks, so that millions fit', async () => {
    async function* many() {
      for (let index = 0; index < 5_000; index += 1) {
        yield await Promise.resolve({ resourceType: 'Patient', id: `p${index}`, identifier: [number('9000000009')] });
      }
    }
    const lengths: number[] = [];
    for await (const chunk of patientsCsv(many(), baseUrl, at)) lengths.push(chunk.length);
    expect(lengths.length).toBeGreaterThan(4);
    expect(Math.max(...lengths)).toBeLessThan(20_000);
  });
});
