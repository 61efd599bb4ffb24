import { hash } from 'node:crypto';
import { isObject, textOf } from './fhir.ts';
import { badRequest } from './refused.ts';

/**
 * Names the place after which the next page starts. Like HealthLake's, the token ends in `==` and is good only for the
 * search and the `_count` that made it.
 */
export function pageToken(after: string, search: string): string {
  const content = JSON.stringify({ after, search: hash('sha256', search, 'base64url') });
  // One byte more than a multiple of three is what base64 pads with two signs.
  const padded = content.padEnd(content.length + ((4 - (content.length % 3)) % 3));
  return `${Buffer.from(padded).toString('base64url')}==`;
}

/** @throws Refused when the token was not made by this search */
export function readPageToken(token: string, search: string): string {
  const refused = badRequest('The page token is invalid for this search');
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    throw refused;
  }
  const after = isObject(content) && content.search === hash('sha256', search, 'base64url') && textOf(content.after);
  if (typeof after !== 'string') throw refused;
  return after;
}
