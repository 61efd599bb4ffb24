import { describe, expect, it, test } from '@jest/globals';
import { validate } from '../../../shared/fhir/validate.ts';

const answering = (answer: unknown) => {
  const calls: { url: string; body: string | undefined }[] = [];
  return {
    calls,
    baseUrl: 'https://store.example/datastore/abc/r4/',
    call: ({ url, body }: { url: URL; body?: string }) => {
      calls.push({ url: url.href, body });
      return Promise.resolve(answer);
    },
  };
};
const outcome = (...issue: unknown[]) => ({ resourceType: 'OperationOutcome', issue });
const consent = { resourceType: 'Consent', id: 'a' };

describe('$validate', () => {
  it('is asked of the type, with the resource', async () => {
    const store = answering(outcome({ severity: 'information', code: 'informational' }));
    await validate(store, consent);
    expect(store.calls).toEqual([
      { url: 'https://store.example/datastore/abc/r4/Consent/$validate', body: JSON.stringify(consent) },
    ]);
  });

  test.each([[outcome()], [outcome({ severity: 'warning', code: 'code-invalid' })]])(
    '%j means valid',
    async (answer) => {
      await expect(validate(answering(answer), consent)).resolves.toBeUndefined();
    },
  );

  test.each([
    { answer: outcome({ severity: 'error', code: 'required', expression: ['Consent.scope'] }), says: 'required at' },
    { answer: outcome({ severity: 'warning', code: 'value' }, { severity: 'fatal' }), says: /not valid$/ },
    { answer: outcome({ code: 'structure' }), says: 'not valid: structure' },
    { answer: consent, says: 'no OperationOutcome' },
    { answer: {}, says: 'no OperationOutcome' },
  ])('$answer means not valid, or not known', async ({ answer, says }) => {
    const validated = validate(answering(answer), consent);
    await expect(validated).rejects.toMatchObject({ name: 'HealthLakeRefused' });
    await expect(validated).rejects.toThrow(says);
  });
});
