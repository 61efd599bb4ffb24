import { z } from 'zod';

/** Why a person does something to a run, in their own words. It is kept and shown everywhere, so it names nobody. */
export const statedReason = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(500, 'must be at most 500 characters')
  .refine(
    (text) => !/\d{9}/.test(text.replace(/[\s-]/g, '')),
    'must not hold a number of nine or more digits: name nobody',
  );
