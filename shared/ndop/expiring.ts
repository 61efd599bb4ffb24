import { z } from 'zod';

/** A piece of the work of an expiry, and how far it has come: counts alone, as the state machine hands it on. */
export const expiring = z.object({
  /** A stretch of the snapshot, or a part of a run that stopped while it wrote. */
  what: z.enum(['stretch', 'part']),
  /** Place of the stretch in the manifest, from 0; number of the part. */
  number: z.number(),
  /** How many of its rows have been looked at. */
  row: z.number(),
  deleted: z.number(),
  /** Consents that should be gone and are not: the store refused. */
  kept: z.number(),
  isDone: z.boolean(),
});
export type Expiring = z.infer<typeof expiring>;

export function notBegun(what: Expiring['what'], number: number): Expiring {
  return { what, number, row: 0, deleted: 0, kept: 0, isDone: false };
}
