import type { PermanentName } from '../../../shared/errors.ts';
import type { CaseContext } from '../case.ts';

interface Expected {
  readonly status: number;
  /** What the client calls it; any of them. */
  readonly names: readonly PermanentName[];
  /** What is refused, for the claim. */
  readonly what: string;
}

/**
 * Makes a call that MESH has to refuse: the status is as the catalogue says, the client gives it a name of its own, makes
 * the call once, and goes on working.
 */
export async function expectRefusal(
  { checks, calls, note }: CaseContext,
  { status, names, what }: Expected,
  call: () => Promise<unknown>,
): Promise<void> {
  const before = calls().length;
  const error = await call().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const made = calls().slice(before);
  const name = error instanceof Error ? error.name : 'no error';
  const isRefused = made.at(-1)?.status === status && names.some((expected) => expected === name);
  checks.that(
    `${what} is refused with ${status}, which the client calls ${names.join(' or ')}`,
    isRefused,
    [made.at(-1)?.status ?? 'no answer', name].join(', '),
  );
  if (!isRefused) return;
  checks.equal('The client does not try again what is refused for good', made.length, 1);
  if (error instanceof Error) note('What the operator is told', error.message);
}

/** After a refusal the same client still works. */
export async function expectToGoOn({ checks, calls, ours }: CaseContext): Promise<void> {
  const before = calls().length;
  await ours.checkInbox();
  const list = calls()[before];
  checks.that(
    'The client goes on: it lists the inbox straight after',
    list?.operation === 'list' && list.status === 200,
  );
}
