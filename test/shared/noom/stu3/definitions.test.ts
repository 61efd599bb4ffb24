import { describe, expect, it, test } from '@jest/globals';
import { definitions, resourceTypes } from '../../../../shared/noom/stu3/definitions.ts';
import { membersOf } from '../../../support/stu3-types.ts';

/** Names that another hand gave the same type. */
const otherNames: Readonly<Record<string, string>> = { AnyResource: 'Resource', xhtml: 'string' };
/** Of extensions only the values that ours have are read. */
const incomplete = new Set(['Extension', 'Bundle', 'BundleEntry', 'BundleEntryRequest', 'BundleEntrySearch']);

const ours = [...definitions].map(([type, elements]) => ({ type, elements: [...elements.values()] }));
/** Without what belongs to JSON alone: a primitive's own id and extensions. */
const theirs = (type: string) =>
  [...membersOf(type === 'Resource' ? 'ResourceBase' : type)].filter(
    ([name]) => !name.startsWith('_') && name !== 'resourceType' && name !== 'fhir_comments',
  );

describe('the definitions are those of DefinitelyTyped', () => {
  test.each(ours)('$type: each element stands as often, and is of its type', ({ type, elements }) => {
    const known = new Map(theirs(type));
    expect(known.size).toBeGreaterThan(0);
    for (const { name, type: elementType, isList, isRequired } of elements) {
      const found = known.get(name);
      expect({ name, ...found }).toMatchObject({ name, isList });
      expect({ name, isRequired: found?.isRequired }).toEqual({ name, isRequired });
      // A code has the name of its value set there.
      if (elementType !== 'code') expect(found?.type).toBe(otherNames[elementType] ?? elementType);
    }
  });

  const whole = ours.filter(({ type }) => !type.startsWith('CapabilityStatement') && !incomplete.has(type));
  test.each(whole)('$type: none is left out', ({ type, elements }) => {
    expect(elements.map(({ name }) => name).sort()).toEqual(
      theirs(type)
        .map(([name]) => name)
        .sort(),
    );
  });

  test.each(ours)('$type: what is its own stands in the same order', ({ type, elements }) => {
    const place = new Map(theirs(type).map(([name], index) => [name, index]));
    const places = elements.map(({ name }) => place.get(name));
    expect(places).toEqual([...places].sort((one, other) => Number(one) - Number(other)));
  });
});

it('knows every resource that it reads', () => {
  for (const type of resourceTypes) expect(definitions.has(type)).toBe(true);
});
