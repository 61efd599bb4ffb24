import { describe, expect, it } from '@jest/globals';
import { LinkedPatients, type LinkedPatient } from '../../../shared/cohort/linked-patients.ts';
import { syntheticNumbers } from '../../support/nhs-numbers.ts';

const numbers = syntheticNumbers(60).sort((one, other) => one - other);
const [a = 0, b = 0, c = 0, d = 0] = numbers;
const nothing: LinkedPatient = { patientId: '', nhsNumbers: [], replacedBy: [], replaces: [] };

function linkedOf(...patients: Partial<LinkedPatient>[]): LinkedPatients {
  const linked = new LinkedPatients();
  for (const patient of patients) linked.add({ ...nothing, ...patient });
  return linked;
}

function failureOf(act: () => unknown): unknown {
  try {
    act();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('a group', () => {
  it('is made by either direction of a link, by shared patients and by shared numbers', () => {
    const replaced = { patientId: 'p', nhsNumbers: [a] };
    const survivor = { patientId: 'q', nhsNumbers: [b] };
    for (const linked of [
      linkedOf({ ...replaced, replacedBy: ['q'] }, survivor),
      linkedOf(replaced, { ...survivor, replaces: ['p'] }),
      linkedOf({ ...replaced, replacedBy: ['nobody'] }, { ...survivor, replacedBy: ['nobody'] }),
      linkedOf({ ...replaced, nhsNumbers: [a, c] }, { ...survivor, nhsNumbers: [b, c] }),
    ]) {
      const groups = linked.groups(new Set());
      expect([...groups.nhsNumbers].filter((nhsNumber) => nhsNumber !== c)).toEqual([a, b]);
      expect(groups.take(a)?.nhsNumbers).toContain(b);
    }
  });

  it('has the numbers that the cohort gives a patient elsewhere, and no others', () => {
    const linked = linkedOf({ patientId: 'p', nhsNumbers: [a], replacedBy: ['q'] });
    expect([...linked.patientIds.keys()].sort()).toEqual(['p', 'q']);
    linked.addNumber('q', c);
    linked.addNumber('q', b);
    linked.addNumber('r', d);
    expect([...linked.groups(new Set()).nhsNumbers]).toEqual([a, b, c]);
    expect(linked.unresolved).toBe(0);
  });

  it('is not made of one number', () => {
    const linked = linkedOf(
      { patientId: 'p', nhsNumbers: [a], replacedBy: ['q'] },
      { patientId: 'r', nhsNumbers: [b] },
    );
    expect(linked.groups(new Set()).nhsNumbers).toHaveLength(0);
    expect(linked.unresolved).toBe(1);
  });

  it('of more than fifty numbers is no person, and is refused without a word about whom it names', () => {
    expect(linkedOf({ nhsNumbers: numbers.slice(0, 50) }).groups(new Set()).nhsNumbers).toHaveLength(50);
    const failure = failureOf(() => linkedOf({ nhsNumbers: numbers.slice(0, 51) }).groups(new Set()));
    expect(failure).toMatchObject({ name: 'CohortUnreadable', message: expect.stringMatching(/^1 groups .* 50 NHS/) });
    expect(String(failure)).not.toMatch(/\d{9}/);
  });

  it('may be a chain as long as a cohort', () => {
    const linked = linkedOf();
    const length = 100_000;
    for (let at = 0; at < length; at += 1) linked.add({ ...nothing, patientId: `p${at}`, replacedBy: [`p${at + 1}`] });
    linked.addNumber('p0', a);
    linked.addNumber(`p${length}`, b);
    expect([...linked.groups(new Set()).nhsNumbers]).toEqual([a, b]);
  });
});

it('refuses more linked patients than memory is meant for, and names nobody', () => {
  const linked = new LinkedPatients(4);
  linked.add({ ...nothing, patientId: 'p', nhsNumbers: [a], replacedBy: ['q'] });
  linked.add({ ...nothing, nhsNumbers: [b] });
  const failure = failureOf(() => {
    linked.add({ ...nothing, nhsNumbers: [c, d] });
  });
  expect(failure).toMatchObject({
    name: 'CohortUnreadable',
    message: expect.stringMatching(/^More than 4 patient ids/),
  });
  expect(String(failure)).not.toMatch(/\d{9}/);
});
