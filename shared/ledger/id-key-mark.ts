import { PermanentError } from '../errors.ts';
import type { LedgerTable } from './table.ts';

const key = { pk: 'LATEST', sk: 'IDKEY' };

/** Which key the ids of Consents are made with, known by a mark that tells nothing of it. */
export class IdKeyMark {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  /**
   * Records the mark the first time, and from then on lets no other pass: under another key everybody would have another
   * Consent, and nobody would look after the ones that they have.
   *
   * @throws PermanentError ConfigurationInvalid
   */
  async ensure(mark: string): Promise<void> {
    const isTheSame = await this.#table.put(
      key,
      { mark },
      { expression: 'attribute_not_exists(pk) OR mark = :mark', values: { ':mark': mark } },
    );
    if (isTheSame) return;
    throw new PermanentError(
      'ConfigurationInvalid',
      'The id key secret is another than the one that the Consents were written under: restore it',
    );
  }
}
