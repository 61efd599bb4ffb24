import { z } from 'zod';

/** Ten digits, together or in the groups that people write them in. */
const nhsNumberLike = /\d{3}[\s./\u2010-\u2015-]?\d{3}[\s./\u2010-\u2015-]?\d{4}/;

/** Why a person does something to a run, in their own words. It is kept and shown everywhere, so it names nobody. */
export const statedReason = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(500, 'must be at most 500 characters')
  .refine((text) => !nhsNumberLike.test(text), 'must not hold anything like an NHS number: name nobody');
