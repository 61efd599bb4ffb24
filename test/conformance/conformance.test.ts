import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { log } from '../../shared/log.ts';
import { catalogue } from './catalogue.ts';
import { CatalogueRun } from './catalogue-run.ts';
import { runSettings } from './settings.ts';
import { type RunningEnvironment, startStandIn } from './stand-in.ts';

log.setLogLevel('SILENT');

let standIn: RunningEnvironment;
let run: CatalogueRun;

beforeAll(async () => {
  standIn = await startStandIn();
  run = new CatalogueRun(standIn.environment, { settings: runSettings(false) });
});

afterAll(async () => {
  run.close();
  await standIn.close();
});

describe('MESH API Compliance Test, against the stand-in over HTTPS with client certificates', () => {
  it('has every case of the catalogue', () => {
    const numbers = catalogue.map(({ number }) => number).sort();
    const all = '201 202 401 402 501 502 601 701 702 703 704 705 801 802 803';
    expect(numbers.join(' ')).toBe(all);
  });

  it.each(catalogue)('$number $title', async (conformanceCase) => {
    const { verdict, remark, checks } = await run.run(conformanceCase);
    expect(checks.filter(({ holds }) => !holds)).toEqual([]);
    expect(remark).toBeUndefined();
    expect(verdict).toBe('passed');
  });
});
