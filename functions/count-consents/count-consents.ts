import { z } from 'zod';

export const countConsentsInput = z.object({ runId: z.string() });

export interface CountConsentsOutput {
  /** Consents of this pipeline, whoever they are about. */
  readonly consents: number;
  /** Nobody else keeps Consents in the store, which an import might overwrite. */
  readonly areAllOurs: boolean;
}

export interface CountConsentsDeps {
  /** How many Consents bear our tag. */
  readonly countTagged: () => Promise<number>;
  /** How many were registered over the NOOM API: under ids of their own, which an import leaves alone. */
  readonly countRegistered: () => Promise<number>;
  readonly countAll: () => Promise<number>;
}

/**
 * Counts the Consents in the FHIR store, ours and all. Beside those that were read by id, ours tell how many nobody looked
 * for; and where the two numbers differ in any way, Consents of others have to be reckoned with.
 */
export async function countConsents(_: { runId: string }, deps: CountConsentsDeps): Promise<CountConsentsOutput> {
  const consents = await deps.countTagged();
  const registered = await deps.countRegistered();
  return { consents, areAllOurs: (await deps.countAll()) === consents + registered };
}
