import { z } from 'zod';
import type { Setting } from './contract.ts';
import { PermanentError } from './errors.ts';

/** An empty variable would count as 0. */
const stated = z.string().trim().min(1);

/** A whole number above zero, given as text as all environment variables are. */
export const positiveInteger = stated.transform(Number).pipe(z.number().int().positive());

/** A share between 0 and 100. */
export const percent = stated.transform(Number).pipe(z.number().min(0).max(100));

/**
 * Reads a function's settings once, when it starts.
 *
 * @throws PermanentError ConfigurationInvalid, naming every variable that is missing or malformed
 */
export function readConfig<Shape extends Partial<Record<Setting, z.ZodType>>>(
  environment: Readonly<Record<string, string | undefined>>,
  shape: Shape,
): z.infer<z.ZodObject<Shape>> {
  const parsed = z.object(shape).safeParse(environment);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new PermanentError('ConfigurationInvalid', `Environment variables: ${faults.join('; ')}`);
}
