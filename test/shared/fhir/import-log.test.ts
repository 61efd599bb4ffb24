import { expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { failedLinesOf, inputNames } from '../../../shared/fhir/import-log.ts';
import { InMemoryFiles } from '../../support/in-memory-files.ts';

const { consents, provenances } = inputNames(1, 2);
const inputs = [
  { name: consents, lines: 6_000 },
  { name: provenances, lines: 60 },
];
const given = 6_060;
const folder = 'imports/run/1/output/one-FHIR_IMPORT-job-1';
const ids = (...lines: readonly number[]) => lines.map((line) => `{"lineId":${line}}\n`).join('');

const countsWith = (failed: number, serverErrors = 0) => ({
  numberOfResourcesScanned: given,
  numberOfResourcesImportedSuccessfully: given - failed - serverErrors,
  numberOfResourcesWithCustomerError: failed,
  numberOfResourcesWithServerError: serverErrors,
});

async function failedLines(manifest: unknown, logs: Readonly<Record<string, string>>, hasErrors = true) {
  const files = new InMemoryFiles();
  await files.writeOnce(`${folder}/Manifest.json`, JSON.stringify(manifest));
  for (const [name, text] of Object.entries(logs)) await files.writeOnce(`${folder}/${name}`, text);
  return failedLinesOf(hasErrors, inputs, { files: files.list(folder), open: (key) => files.open(key) });
}

it('the lines that failed are told by file, customer and server errors alike', async () => {
  const logs = {
    [`FAILURE/${consents}`]: ids(0, 17, 6_000),
    [`FAILURE/${provenances}`]: `${ids(3)}\n`,
    [`SUCCESS/${consents}`]: ids(1, 2, 4),
  };
  expect(await failedLines(countsWith(3, 1), logs)).toEqual({ [consents]: [0, 17, 6_000], [provenances]: [3] });
});

test.each<{ says: string; manifest?: object; logs?: Record<string, string>; hasErrors?: boolean }>([
  { says: 'a log names none of our files', logs: { 'FAILURE/part-0009-others-0001.ndjson': ids(1) } },
  { says: 'a log names no file', logs: { 'FAILURE/0001.ndjson': ids(1) } },
  { says: 'a log names a line beyond its file', logs: { [`FAILURE/${provenances}`]: ids(61) } },
  { says: 'a log names a line twice', manifest: countsWith(2), logs: { [`FAILURE/${consents}`]: ids(1, 1) } },
  { says: 'a log has fewer lines than failed', manifest: countsWith(2), logs: { [`FAILURE/${consents}`]: ids(1) } },
  { says: 'a log has more lines than failed', logs: { [`FAILURE/${consents}`]: ids(1, 2) } },
  { says: 'a line is worded in another way', logs: { [`FAILURE/${consents}`]: '{"resource":{"lineId":1}}\n' } },
  { says: 'no log is there', logs: {} },
  { says: 'no count of failures is there', manifest: { numberOfResourcesScanned: given } },
  { says: 'the manifest is empty', manifest: {} },
  {
    says: 'more failed than are worth reading',
    manifest: countsWith(5_001),
    logs: { [`FAILURE/${consents}`]: ids(...Array.from({ length: 5_001 }, (_, line) => line + 1)) },
  },
])('nothing is known of any line where $says', async ({ manifest = countsWith(1), logs = {}, hasErrors }) => {
  expect(await failedLines(manifest, logs, hasErrors)).toBeUndefined();
});

it('no line failed where all were imported, whatever logs lie about', async () => {
  expect(await failedLines(countsWith(0), { 'SUCCESS/part-0009-others-0001.ndjson': ids(1) }, false)).toEqual({});
});

it('logs in any of the forms that are printed are read alike', async () => {
  const form = fc.constantFrom(
    (line: number) => `{"lineId":${line},"UpdateResourceResponse":{"jsonBlob":{"lineId":7},"statusCode":400}}`,
    (line: number) => `{"lineId":${line}, UpdateResourceResponse:{"jsonBlob":{},"statusCode":400}}`,
    (line: number) => `{"lineId" : "${line}"}{UpdateResourceResponse:{"statusCode":400}}`,
    (line: number) => `  lineId: ${line}, UpdateResourceResponse: {`,
  );
  const lines = fc.uniqueArray(fc.integer({ min: 0, max: 6_000 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(lines, form, async (failed, worded) => {
      const log = failed.map((line) => `${worded(line)}\n`).join('');
      const found = await failedLines(countsWith(failed.length), { [`FAILURE/${consents}`]: log });
      expect(found).toEqual({ [consents]: failed });
    }),
  );
});
