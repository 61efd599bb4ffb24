import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readCohortPart, writeCohortPart } from '../../../shared/ndop/cohort-part.ts';
import { anyPieces, bodyOf } from '../../support/bodies.ts';
import { anyPeople } from '../../support/nhs-numbers.ts';

it('writes ten digits, a comma, the patient id and a line feed for each person', () => {
  const part = { nhsNumbers: Float64Array.of(101010001, 9993395633), patientIds: ['p-1', ''] };
  expect([...writeCohortPart(part)].join('')).toBe('0101010001,p-1\n9993395633,\n');
});

it('reads back what it wrote, wherever chunks are cut', async () => {
  const patientId = fc.oneof(fc.constant(''), fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/));
  await fc.assert(
    fc.asyncProperty(anyPeople(20), fc.infiniteStream(patientId), anyPieces, async (numbers, ids, pieces) => {
      const patientIds = [...ids.take(numbers.length)];
      const part = { nhsNumbers: Float64Array.from(numbers), patientIds };
      const body = [...writeCohortPart(part)].join('');
      expect(await readCohortPart(bodyOf(body, pieces), numbers.length)).toEqual(part);
    }),
    { numRuns: 50 },
  );
});
