import type { CaseContext } from '../case.ts';

/** What the catalogue means by a large message. */
export const largeBytes = 200_000_000;

/** Says how long the body was where it was shorter than the catalogue asks for. */
export function noteSize({ settings, note }: CaseContext): void {
  if (settings.chunkedBytes > largeBytes) return;
  note('Size', `${settings.chunkedBytes} bytes; the catalogue asks for more than 200 MB: run again with --large`);
}
