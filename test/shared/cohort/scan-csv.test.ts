import { describe, expect, it, test } from '@jest/globals';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { readCohortCsv, type CohortRow } from '../../../shared/cohort/read-csv.ts';
import { listed } from '../../support/bodies.ts';

const stream = (...chunks: (string | Buffer)[]) => Readable.from(chunks, { objectMode: false });
const rowsOf = (...chunks: (string | Buffer)[]): Promise<CohortRow[]> => listed(readCohortCsv(stream(...chunks)));
/** Number and patient of each row, as one text. */
const inShort = async (...chunks: (string | Buffer)[]) =>
  (await rowsOf(...chunks)).map(({ nhsNumber, patientId }) => [nhsNumber, patientId].join('/'));

describe('the header', () => {
  test.each([
    'nhsNumber,patientId',
    'NHSNUMBER,PATIENTID',
    'nhs_number,patient_id',
    'NHS Number,Patient ID',
    'nhs-number,patient-id',
    '"NHS Number","Patient Id"',
    '\ufeffnhsNumber,patientId',
    '\ufeff"nhsNumber","patientId"',
  ])('%s names the columns', async (header) => {
    expect(await inShort(`${header}\n9993395633,p1\n`)).toEqual(['9993395633/p1']);
  });

  it('gives the columns in any order, others between them', async () => {
    expect(await inShort('surname,Patient Id,dob,NHS Number\nDoe,p1,1980-01-01,9993395633\n')).toEqual([
      '9993395633/p1',
    ]);
  });

  it('may leave out patientId', async () => {
    expect(await rowsOf('nhsNumber\n9993395633\n')).toEqual([{ row: 1, nhsNumber: '9993395633' }]);
  });

  test.each([
    { title: 'has no such column', content: 'number,name\n9993395633,x\n' },
    { title: 'is missing, so that a person stands in its place', content: '9993395633,p1\n' },
    { title: 'is missing because the file is empty', content: '' },
    { title: 'is missing because the file is blank', content: '\r\n\n\r\n' },
  ])('is required: CohortColumnMissing where it $title', async ({ content }) => {
    const failure = await rowsOf(content).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'CohortColumnMissing' });
    expect(String(failure)).not.toMatch(/\d{10}/);
  });

  it('alone is a cohort of nobody', async () => {
    expect(await rowsOf('nhsNumber,patientId')).toEqual([]);
    expect(await rowsOf('nhsNumber,patientId\r\n')).toEqual([]);
  });
});

describe('separators and quotes', () => {
  test.each([
    { name: 'comma', separator: ',' },
    { name: 'semicolon', separator: ';' },
    { name: 'tab', separator: '\t' },
  ])('reads a file separated by $name', async ({ separator }) => {
    const lines = ['name', 'nhsNumber', 'patientId'].join(separator) + '\n' + ['a', '9993395633', 'p1'].join(separator);
    expect(await inShort(lines)).toEqual(['9993395633/p1']);
  });

  it('finds the separator of a header whose quoted names hold another one', async () => {
    expect(await inShort('"a, b, c";nhsNumber;patientId\nx;9993395633;p1\n')).toEqual(['9993395633/p1']);
  });

  it('finds the separator below blank lines', async () => {
    expect(await inShort('\n\r\nnhsNumber;patientId\n9993395633;p1\n')).toEqual(['9993395633/p1']);
  });

  it('keeps separators and doubled quotes inside quotes', async () => {
    const content = 'nhsNumber,note,patientId\n9993395633,"a, ""b""; c",p1\n9999939082,"",p2\n';
    expect(await rowsOf(content)).toEqual([
      { row: 1, nhsNumber: '9993395633', patientId: 'p1' },
      { row: 2, nhsNumber: '9999939082', patientId: 'p2' },
    ]);
  });

  it.each([
    'nhsNumber,name\n9993395633,"Smith\n9999939082,Jones\n9991581766,Brown"\n9990506310,x\n',
    'nhsNumber,patientId\n"9993395633\n9999939082",p1\n',
    'patientId,nhsNumber\n"p1\r\np2",9993395633\n',
  ])(
    'refuses a file in which quotes run over a line end, since they may swallow the rows between them',
    async (content) => {
      await expect(rowsOf(content)).rejects.toMatchObject({ name: 'CohortUnreadable' });
    },
  );

  it('takes a quote in the middle of a field for itself', async () => {
    expect(await inShort('nhsNumber,note,patientId\n9993395633,5" cuff,p1\n9999939082,x"y"z,p2\n')).toEqual([
      '9993395633/p1',
      '9999939082/p2',
    ]);
  });

  it('refuses a quote that is never closed, and quotes nothing of the file', async () => {
    const failure = await rowsOf('nhsNumber\n9993395633\n"9999939082\n9991581766\n').catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'CohortUnreadable' });
    expect(String(failure)).toMatch(/^CohortUnreadable: Row 2 of the cohort file runs over a line end/);
  });

  it('undoes doubled quotes in the columns that it reads', async () => {
    expect(await inShort('nhsNumber,patientId\n"99""9",p1\n9993395633,"p""1"\n')).toEqual([
      '99"9/p1',
      '9993395633/p"1',
    ]);
  });
});

describe('line ends and rows', () => {
  test.each([
    { name: 'LF', ends: ['\n'] },
    { name: 'CR LF', ends: ['\r\n'] },
    { name: 'CR', ends: ['\r'] },
    { name: 'CR LF, LF and CR mixed', ends: ['\r\n', '\n', '\r'] },
    { name: 'LF, then CR LF', ends: ['\n', '\r\n'] },
    { name: 'CR, then LF', ends: ['\r', '\n\n'] },
  ])('loses no row to $name', async ({ ends }) => {
    const lines = [
      'nhsNumber,patientId',
      ...Array.from({ length: 30 }, (_, index) => `99900000${index + 10},p${index}`),
    ];
    const content = lines.map((line, index) => line + ends[index % ends.length]!).join('');
    expect(await inShort(content)).toEqual(lines.slice(1).map((line) => line.replace(',', '/')));
  });

  it('does not need a line end after the last row', async () => {
    expect(await inShort('nhsNumber\r\n9993395633\r\n9999939082')).toEqual(['9993395633/', '9999939082/']);
  });

  it('passes over blank lines and counts rows without them', async () => {
    expect((await rowsOf('nhsNumber\n\n9993395633\r\n\r\n\r\n9999939082\n\n')).map(({ row }) => row)).toEqual([1, 2]);
  });

  it('gives a row that is too short or too long as far as it goes', async () => {
    expect(await rowsOf('name,nhsNumber,patientId\na\nb,9993395633\nc,9999939082,p3,extra,fields\n')).toEqual([
      { row: 1, nhsNumber: '' },
      { row: 2, nhsNumber: '9993395633' },
      { row: 3, nhsNumber: '9999939082', patientId: 'p3' },
    ]);
  });

  it('trims patient ids and gives numbers as they stand', async () => {
    expect(await rowsOf('nhsNumber,patientId\n 999 339 5633 , p1 \n,\n')).toEqual([
      { row: 1, nhsNumber: ' 999 339 5633 ', patientId: 'p1' },
      { row: 2, nhsNumber: '' },
    ]);
  });

  it('reads a row that is split over many chunks', async () => {
    const content = Buffer.from('\ufeffnhsNumber;patientId\r\n9993395633;"p\u00e91"\r\n');
    expect(await inShort(...Array.from(content, (byte) => Buffer.of(byte)))).toEqual(['9993395633/p\u00e91']);
  });
});

describe('what is no such file', () => {
  const notText = 'The cohort file is not UTF-8 text: save it as CSV UTF-8';
  const spreadsheet = 'The cohort file is a spreadsheet or a ZIP archive: save it as CSV UTF-8';
  test.each([
    {
      name: 'UTF-16 with a byte-order mark',
      content: Buffer.from('\ufeffnhsNumber\r\n9993395633\r\n', 'utf16le'),
      says: notText,
    },
    { name: 'UTF-16 without one', content: Buffer.from('nhsNumber\n9993395633\n', 'utf16le'), says: notText },
    {
      name: 'big-endian UTF-16',
      content: Buffer.from('\ufeffnhsNumber\r\n9993395633\r\n', 'utf16le').swap16(),
      says: notText,
    },
    {
      name: 'a NUL byte in a later row',
      content: Buffer.from('nhsNumber,a\n9993395633,x\n9993395633,\0\n'),
      says: notText,
    },
    { name: 'a NUL byte inside quotes', content: Buffer.from('nhsNumber,a\n9993395633,"x\0"\n'), says: notText },
    {
      name: 'gzip',
      content: gzipSync('nhsNumber\n9993395633\n'),
      says: 'The cohort file is compressed by gzip: give it uncompressed',
    },
    { name: 'a spreadsheet', content: Buffer.from('PK\x03\x04\x14\0\x06\0xl/workbook.xml'), says: spreadsheet },
    {
      name: 'an old spreadsheet',
      content: Buffer.from('d0cf11e0a1b11ae1', 'hex'),
      says: 'The cohort file is an old spreadsheet: save it as CSV UTF-8',
    },
  ])('$name is CohortUnreadable, and the sentence says what to do', async ({ content, says }) => {
    const cut = Array.from(content, (byte) => Buffer.of(byte));
    for (const chunks of [[content], cut]) {
      await expect(rowsOf(...chunks)).rejects.toMatchObject({ name: 'CohortUnreadable', message: says });
    }
  });

  test.each([
    { name: 'UTF-8', note: Buffer.from('Zo\u00eb') },
    { name: 'Windows-1252', note: Buffer.from('Zo\u00eb', 'latin1') },
  ])('does not mind $name in other columns', async ({ note }) => {
    const content = Buffer.concat([Buffer.from('name,nhsNumber\n'), note, Buffer.from(',9993395633\n')]);
    expect(await inShort(content)).toEqual(['9993395633/']);
  });

  test.each([
    { name: 'a header', start: '' },
    { name: 'a row', start: 'nhsNumber,note\n9993395633,' },
    { name: 'a quoted field', start: 'nhsNumber,note\n9993395633,"' },
  ])('refuses $name without an end, and lets go of the rest', async ({ start }) => {
    let given = 0;
    async function* endless() {
      yield Buffer.from(start);
      for (; given < 1_000_000; given += 1) yield await Promise.resolve(Buffer.alloc(65_536, 'x'));
    }
    await expect(listed(readCohortCsv(endless()))).rejects.toMatchObject({
      name: 'CohortUnreadable',
      message: expect.stringMatching(/ of the cohort file is longer than 65536 bytes/) as unknown,
    });
    expect(given).toBeLessThan(10);
  });

  it('takes a row of 65,536 bytes, and refuses one byte more wherever its chunks are cut', async () => {
    const row = (length: number) => `nhsNumber,note\n9993395633,${'x'.repeat(length - 11)}\n`;
    for (const cut of [65_000, 65_551, 65_552, 65_553, 70_000]) {
      const chunks = (text: string) => [text.slice(0, cut), text.slice(cut)];
      expect(await inShort(...chunks(row(65_536)))).toEqual(['9993395633/']);
      await expect(rowsOf(...chunks(row(65_537)))).rejects.toMatchObject({ name: 'CohortUnreadable' });
    }
  });

  it('leaves a failure of the source its own name, since a broken connection may be tried again', async () => {
    const broken = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    async function* content() {
      yield await Promise.resolve(Buffer.from('nhsNumber\n9993395633\n'));
      throw broken;
    }
    await expect(listed(readCohortCsv(Readable.from(content())))).rejects.toBe(broken);
  });

  it('lets go of the source when the reader stops early', async () => {
    const source = stream('nhsNumber\n', ...Array<string>(500).fill('9993395633\n'.repeat(1000)));
    for await (const { row } of readCohortCsv(source)) if (row === 3) break;
    await new Promise(setImmediate);
    expect(source.destroyed).toBe(true);
  });
});
