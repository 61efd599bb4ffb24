import type { Json } from './json.ts';

/** An error in the sense of the Amazon States Language: a name that Retry and Catch match, and a cause for people. */
export class StateFailure extends Error {
  override readonly name: string;

  constructor(name: string, cause: string) {
    super(cause);
    this.name = name;
  }
}

/** Payloads (state input, output, arguments, results, one Assign) may have at most 256 KiB as UTF-8 JSON text. */
export const payloadLimitBytes = 262_144;

/**
 * Whether a Retry or Catch entry is meant for an error. `States.Runtime` always ends the execution, and the wildcards do
 * not cover `States.DataLimitExceeded`. Source: "Handling errors in Step Functions workflows", AWS Step Functions guide.
 */
export function matches(errorEquals: readonly string[], error: string): boolean {
  if (error === 'States.Runtime') return false;
  return errorEquals.some((expected) => {
    if (expected === error) return true;
    if (error === 'States.DataLimitExceeded') return false;
    return expected === 'States.ALL' || (expected === 'States.TaskFailed' && error !== 'States.Timeout');
  });
}

/**
 * Hands a payload on if it is small enough.
 *
 * @param what names the payload in the cause, e.g. `The state 'Send the request' has an output`
 * @throws StateFailure `States.DataLimitExceeded`
 */
export function withinDataLimit<Payload extends Json>(payload: Payload, what: string): Payload {
  if (Buffer.byteLength(JSON.stringify(payload)) > payloadLimitBytes) {
    throw new StateFailure(
      'States.DataLimitExceeded',
      `${what} with a size exceeding the maximum number of bytes service limit.`,
    );
  }
  return payload;
}
