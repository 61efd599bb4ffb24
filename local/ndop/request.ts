import { isValidNhsNumber } from './nhs-number.ts';

/** A file as the service reads it. */
export interface NdopRequest {
  /** In the order of the file; empty where the file is refused. */
  readonly nhsNumbers: readonly string[];
  /** The file's own line end, which the answer takes over. */
  readonly lineEnd: '\r\n' | '\n';
  /** One line that is not a valid number and a comma spoils the whole file. */
  readonly isValid: boolean;
}

/**
 * Reads ten digits and a comma per line, lines ended by CR LF or LF; a byte-order mark spoils the first number.
 *
 * @param isKnown whether the service takes a number for valid that passes every check of its form
 */
export function parseRequest(body: Buffer, isKnown: (nhsNumber: string) => boolean): NdopRequest {
  const text = body.toString('latin1');
  const lineEnd = /\r?\n/.exec(text)?.[0] === '\n' ? '\n' : '\r\n';
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const isValid =
    lines.length > 0 &&
    lines.every((line) => {
      const nhsNumber = line.slice(0, 10);
      return line.length === 11 && line.endsWith(',') && isValidNhsNumber(nhsNumber) && isKnown(nhsNumber);
    });
  return { nhsNumbers: isValid ? lines.map((line) => line.slice(0, 10)) : [], lineEnd, isValid };
}
