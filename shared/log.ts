import { Logger } from '@aws-lambda-powertools/logger';

/** Structured log of one step. Log run ids, part numbers, counts, hashes and error names; never a person. */
export const log = new Logger({ serviceName: 'ndop' });

/** Where a failure came from, without its message, which may quote the data that it stumbled over. */
export function stackFrames(error: Error | null | undefined): string[] {
  const { stack = '', message = '' } = error ?? {};
  return stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .map((line) => line.trim())
    .slice(0, 8);
}
