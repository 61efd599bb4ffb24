import { z } from 'zod';

export const countConsentsInput = z.object({ runId: z.string() });

export interface CountConsentsOutput {
  /** Consents of this pipeline, whoever they are about. */
  readonly consents: number;
}

export interface CountConsentsDeps {
  /** How many Consents bear our tag. */
  readonly countTagged: () => Promise<number>;
}

/** Counts all Consents of ours in the FHIR store: beside those that were read by id, they tell how many nobody looked for. */
export async function countConsents(_: { runId: string }, deps: CountConsentsDeps): Promise<CountConsentsOutput> {
  return { consents: await deps.countTagged() };
}
