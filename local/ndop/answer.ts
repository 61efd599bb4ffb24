import { numberOutside } from './nhs-number.ts';
import type { NdopRequest } from './request.ts';

/** The whole of an answer to a file with an invalid number in it. */
const rejection = 'The file contains one or more invalid NHS Numbers.';

/** How the answer itself may deviate from the one that is right. */
export type AnswerBody =
  | 'right'
  | 'one-person-flipped'
  | 'rejection'
  | 'zero-bytes'
  | 'bare-line-end'
  | 'with-a-stranger'
  | 'truncated'
  | 'with-junk'
  | 'shuffled';

/**
 * The answer to a request: its lines without those of people who have opted out. A request with an invalid number
 * gets the rejection, whatever was asked for. With everybody opted out it is a bare line end, since MESH carries no
 * empty body.
 */
export function answerBody(form: AnswerBody, request: NdopRequest, isOptedOut: (nhsNumber: string) => boolean): Buffer {
  if (!request.isValid) return Buffer.from(rejection);
  const { nhsNumbers, lineEnd } = request;
  const cleared = nhsNumbers.filter((nhsNumber) => !isOptedOut(nhsNumber));
  switch (form) {
    case 'right':
      return listOf(cleared, lineEnd);
    case 'one-person-flipped': {
      const [flipped = ''] = nhsNumbers;
      return listOf(
        nhsNumbers.filter((nhsNumber) => isOptedOut(nhsNumber) === (nhsNumber === flipped)),
        lineEnd,
      );
    }
    case 'rejection':
      return Buffer.from(rejection);
    case 'zero-bytes':
      return Buffer.alloc(0);
    case 'bare-line-end':
      return listOf([], lineEnd);
    case 'with-a-stranger':
      return listOf([...cleared, numberOutside(new Set(nhsNumbers))], lineEnd);
    case 'truncated':
      return truncated(listOf(cleared.length > 0 ? cleared : nhsNumbers, lineEnd));
    case 'with-junk': {
      const half = Math.floor(cleared.length / 2);
      const lines = [...cleared.slice(0, half).map(row), 'this line is junk,', ...cleared.slice(half).map(row)];
      return Buffer.from(lines.join(lineEnd) + lineEnd);
    }
    case 'shuffled':
      return shuffled(cleared);
  }
}

function row(nhsNumber: string): string {
  return `${nhsNumber},`;
}

function listOf(nhsNumbers: readonly string[], lineEnd: string): Buffer {
  return Buffer.from(nhsNumbers.map(row).join(lineEnd) + lineEnd);
}

/** Cut after the fifth digit of the line in which the middle lies. */
function truncated(list: Buffer): Buffer {
  const startOfLine = list.lastIndexOf('\n', Math.floor(list.length / 2) - 1) + 1;
  return list.subarray(0, startOfLine + 5);
}

/** Backwards, with LF, and white space after the number or the comma on two lines of three. */
function shuffled(nhsNumbers: readonly string[]): Buffer {
  const forms = ['%,', '% ,', '%, '];
  const lines = nhsNumbers.toReversed().map((nhsNumber, index) => forms[index % 3]?.replace('%', nhsNumber));
  return Buffer.from(`${lines.join('\n')}\n`);
}
