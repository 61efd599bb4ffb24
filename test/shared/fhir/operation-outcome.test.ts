import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import { outcomeText } from '../../../shared/fhir/operation-outcome.ts';

const outcome = (...issue: unknown[]) => ({ resourceType: 'OperationOutcome', issue });

describe('an OperationOutcome in a few words', () => {
  test.each<{ said: unknown; text: string }>([
    {
      said: outcome({ severity: 'error', code: 'required', expression: ['Consent.category[0].coding'] }),
      text: 'required at Consent.category[0].coding',
    },
    {
      said: outcome({ code: 'value', diagnostics: 'The value "9993395633" is not valid for the element id.' }),
      text: 'value (The value … is not valid for the element id.)',
    },
    {
      said: outcome({ code: 'invalid', details: { coding: [{ code: 'MSG_PARAM_INVALID' }, { code: 'SMITH' }] } }),
      text: 'invalid MSG_PARAM_INVALID',
    },
    {
      said: outcome({
        code: 'not-found',
        diagnostics: 'Resource Patient/ab-12 referenced by John Smith was not found',
      }),
      text: 'not-found (Resource … referenced by … was not found)',
    },
    {
      said: outcome({ code: 'value' }, { code: 'value' }, { code: 'required' }),
      text: 'value; required',
    },
    { said: { message: 'Invalid request' }, text: '(Invalid request)' },
    { said: outcome({ diagnostics: '9993395633' }), text: '' },
    { said: outcome(), text: '' },
    { said: undefined, text: '' },
    { said: 'not an outcome', text: '' },
    { said: { issue: 'none' }, text: '' },
  ])('$text', ({ said, text }) => {
    expect(outcomeText(said)).toBe(text);
  });

  it('is never longer than 200 characters', () => {
    const long = outcome(
      ...Array.from({ length: 50 }, (_, index) => ({ code: 'value', expression: [`Consent.category[${index}]`] })),
    );
    expect(outcomeText(long)).toHaveLength(200);
    expect(outcomeText(outcome({ diagnostics: 'value '.repeat(1_000_000) })).length).toBeLessThanOrEqual(200);
  });
});

const digits = (length: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: length, maxLength: length }).map((all) => all.join(''));
const nhsNumber = fc
  .tuple(digits(3), digits(3), digits(4), fc.constantFrom('', ' ', '-'))
  .map(([a, b, c, between]) => [a, b, c].join(between));
const id = fc.oneof(fc.uuid(), fc.stringMatching(/^[A-Za-z0-9\-.]{12,64}$/));
const name = fc.constantFrom('Smith', 'smith', 'SMITH', 'Ólafsdóttir', "O'Neill", 'Anne-Marie', 'Nguyen', 'al-Rashid');
const secret = fc.oneof(nhsNumber, id, name);
const around = fc.constantFrom(
  ...[
    'The value % is invalid',
    '"%" is not allowed',
    "Patient '%",
    'Patient/%',
    '(%)',
    '%',
    'id=%, is missing',
    '%: no',
  ],
);

it('lets no number, id or name through, wherever it was planted', () => {
  fc.assert(
    fc.property(secret, around, (planted, sentence) => {
      const said = sentence.replace('%', () => planted);
      const text = outcomeText({
        message: said,
        issue: [
          { code: planted, diagnostics: said, expression: [planted, `Consent.${planted}`, said] },
          { code: 'value', details: { text: said, coding: [{ code: planted, display: said }] }, location: [said] },
          { severity: planted, code: 'invalid', expression: [`Patient.where(id='${planted}')`], [planted]: said },
        ],
      });
      expect(text).not.toContain(planted);
      expect(text.replace(/\W/g, '')).not.toMatch(/\d{4}/);
    }),
    { numRuns: 2_000 },
  );
});
