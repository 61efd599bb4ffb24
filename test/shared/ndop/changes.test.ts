import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { passOf, readChanges, writeChange } from '../../../shared/ndop/changes.ts';
import { changeKinds, type Change } from '../../../shared/ndop/reconcile.ts';
import { anyPieces, bodyOf, listed } from '../../support/bodies.ts';
import { anyNumber } from '../../support/nhs-numbers.ts';

const anyTime = fc
  .date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const anyChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom(...changeKinds),
  optOut: fc.record(
    {
      nhsNumber: anyNumber,
      status: fc.constantFrom('active' as const, 'inactive' as const),
      since: anyTime,
      optedOutSince: anyTime,
    },
    { requiredKeys: ['nhsNumber', 'status', 'since'] },
  ),
  patientId: fc.stringMatching(/^[A-Za-z0-9.-]{0,64}$/),
});

describe('a change file', () => {
  it('has a line of six fields for each change', () => {
    const optOut = { nhsNumber: 101010001, status: 'inactive', since: 'S', optedOutSince: 'O' } as const;
    expect(writeChange({ kind: 'deactivate', optOut, patientId: 'p1' })).toBe(
      'deactivate,0101010001,inactive,S,O,p1\n',
    );
    const first = { nhsNumber: 9993395633, status: 'inactive', since: 'S' } as const;
    expect(writeChange({ kind: 'create', optOut: first, patientId: '' })).toBe('create,9993395633,inactive,S,,\n');
  });

  it('read back gives what was written, wherever chunks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyChange, { maxLength: 15 }), anyPieces, async (changes, pieces) => {
        const body = bodyOf(changes.map(writeChange).join(''), pieces);
        expect(await listed(readChanges(body))).toEqual(changes);
      }),
      { numRuns: 60 },
    );
  });

  it('with a kind that nobody knows is refused, without quoting the line', async () => {
    const failure = await listed(readChanges(bodyOf('erase,9993395633,active,S,O,p1\n'))).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ name: 'FileAltered' });
    expect(String(failure)).not.toContain('9993395633');
  });
});

test.each([
  { kind: 'create', status: 'active', pass: 'activations' },
  { kind: 'activate', status: 'active', pass: 'activations' },
  { kind: 'update', status: 'active', pass: 'activations' },
  { kind: 'retire', status: 'active', pass: 'others' },
  { kind: 'create', status: 'inactive', pass: 'others' },
  { kind: 'deactivate', status: 'inactive', pass: 'others' },
  { kind: 'update', status: 'inactive', pass: 'others' },
  { kind: 'retire', status: 'inactive', pass: 'others' },
] as const)('$kind of an $status opt-out is written with the $pass', ({ kind, status, pass }) => {
  expect(passOf({ kind, optOut: { nhsNumber: 9993395633, status, since: 'S' }, patientId: '' })).toBe(pass);
});
