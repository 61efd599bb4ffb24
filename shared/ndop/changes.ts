import { PermanentError } from '../errors.ts';
import { readLines } from '../lines.ts';
import { formatNhsNumber } from './nhs-number.ts';
import { changeKinds, type Change } from './reconcile.ts';

/** Changes are written in two passes: whoever is to be withheld first, so that a stop half-way withholds too much. */
export const changePasses = ['activations', 'others'] as const;
export type ChangePass = (typeof changePasses)[number];

export function passOf({ kind, optOut }: Change): ChangePass {
  return optOut.status === 'active' && kind !== 'retire' ? 'activations' : 'others';
}

/** A change as a line of a change file: `kind,nhsNumber,status,since,optedOutSince,patientId`. */
export function writeChange({ kind, optOut, patientId }: Change): string {
  const { nhsNumber, status, since, optedOutSince = '' } = optOut;
  return `${kind},${formatNhsNumber(nhsNumber)},${status},${since},${optedOutSince},${patientId}\n`;
}

export async function* readChanges(body: AsyncIterable<Uint8Array>): AsyncGenerator<Change> {
  for await (const line of readLines(body)) yield parseChange(line);
}

/**
 * Reads a line of a change file, without its line end.
 *
 * @throws PermanentError FileAltered
 */
export function parseChange(line: string): Change {
  const [kindText, number = '', status, since = '', optedOutSince, patientId = ''] = line.split(',');
  const kind = changeKinds.find((known) => known === kindText);
  if (!kind) throw new PermanentError('FileAltered', 'A change file holds a line of no known kind');
  return {
    kind,
    optOut: {
      nhsNumber: Number(number),
      status: status === 'active' ? 'active' : 'inactive',
      since,
      ...(optedOutSince ? { optedOutSince } : {}),
    },
    patientId,
  };
}
