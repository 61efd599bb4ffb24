import { parseArgs, type ParseArgsConfig } from 'node:util';
import { PermanentError, RetryableError } from './errors.ts';

/** The command was called in a way that cannot work: exit code 2, one sentence. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/**
 * Reads what was given on the command line.
 *
 * @throws UsageError naming what it does not know
 */
export function readArguments<Config extends ParseArgsConfig>(config: Config): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @throws UsageError naming the option and the numbers that it takes */
export function wholeNumber(option: string, text: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new UsageError(`${option} ${text}: must be a whole number ${range}`);
  }
  return value;
}

/**
 * Ends a program for an error: in a sentence where it is named and so says what to do, else with all that is known of it.
 * Exit code 2 for wrong usage, 1 for everything else.
 *
 * @param help what to call for the program's options
 */
export function endWith(error: unknown, help: string): void {
  const isUsage = error instanceof UsageError;
  const isNamed = isUsage || error instanceof PermanentError || error instanceof RetryableError;
  const text = error instanceof Error ? (isNamed ? error.message : error.stack) : undefined;
  process.stderr.write(`${text ?? String(error)}\n`);
  if (isUsage) process.stderr.write(`${help} lists the options.\n`);
  process.exitCode = isUsage ? 2 : 1;
}
