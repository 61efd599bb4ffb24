import { expect, it } from '@jest/globals';
import { LinkedPatients } from '../../../shared/cohort/linked-patients.ts';

const replaced = (patientId: string, replacedBy: string, nhsNumber: number) => ({
  ...{ patientId, replacedBy, nhsNumber },
  others: [],
});

it('refuses more linked patients than memory is meant for, and names nobody', () => {
  const linked = new LinkedPatients(3);
  linked.addOthers(9993395633, [9999939082, 9991581766]);
  linked.addReplaced(replaced('a', 'b', 9990506310));
  const failure = (() => {
    try {
      linked.addReplaced(replaced('c', 'd', 9990759545));
      return undefined;
    } catch (error) {
      return error;
    }
  })();
  expect(failure).toMatchObject({ name: 'CohortUnreadable' });
  expect(String(failure)).toMatch(/^CohortUnreadable: More than 3 further numbers/);
  expect(String(failure)).not.toMatch(/\d{10}/);
});

it('believes the lowest id where rows disagree on who replaced a patient', () => {
  for (const order of [
    ['y', 'x'],
    ['x', 'y'],
  ]) {
    const linked = new LinkedPatients();
    linked.addReplaced(replaced('a', 'b', 9990506310));
    for (const id of order) linked.addReplaced(replaced('b', id, 9990759545));
    expect(linked.survivors()).toEqual(new Set(['x', 'y']));
    const { links } = linked.resolve(new Map([['x', 9993395633]]));
    expect(links).toContainEqual({ nhsNumber: 9990506310, survivor: 9993395633 });
  }
});

it('follows a chain as long as a cohort without going over it twice for each patient', () => {
  const linked = new LinkedPatients();
  const length = 20_000;
  for (let at = 0; at < length; at += 1) linked.addReplaced(replaced(`p${at}`, `p${at + 1}`, 9_000_000_000 + at));
  expect(linked.survivors()).toEqual(new Set([`p${length}`]));
  const { links, mergedRows } = linked.resolve(new Map([[`p${length}`, 9993395633]]));
  expect(links).toHaveLength(length);
  expect(mergedRows).toBe(length);
});
