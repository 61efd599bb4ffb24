import type { CaseContext } from '../case.ts';
import { Waiting } from '../checks.ts';
import { count } from '../digest.ts';

/** What the catalogue means by a large message. */
const largeBytes = 200_000_000;

/** Says how long the body was where it was shorter than the catalogue asks for. */
export function noteSize({ settings, note }: CaseContext): void {
  if (settings.chunkedBytes > largeBytes) return;
  note(
    'Size',
    `${count(settings.chunkedBytes)} bytes; the catalogue asks for more than 200 MB: run again with --large`,
  );
}

/** @throws Waiting where a shorter body was tried in an environment of NHS England, which counts as a rehearsal only */
export function demandSize({ settings, environment }: CaseContext): void {
  if (environment.kind !== 'integration' || settings.chunkedBytes > largeBytes) return;
  throw new Waiting('Run again with --large: the catalogue asks for more than 200 MB');
}
