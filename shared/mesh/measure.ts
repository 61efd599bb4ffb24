import { createHash } from 'node:crypto';
import type { TravelledBody } from './call.ts';

/** Counts and hashes a body as it passes. */
export class Measure {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  add(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#bytes += piece.length;
  }

  result(): TravelledBody {
    return { bytes: this.#bytes, sha256: this.#hash.copy().digest('hex') };
  }
}
