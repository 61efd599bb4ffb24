import { z } from 'zod';
import { operations } from './route.ts';

const which = {
  /** Calls of any operation where absent. */
  operation: z.enum(operations).optional(),
  /** Calls of any mailbox where absent. */
  mailboxId: z.string().toUpperCase().optional(),
  times: z.int().min(1).default(1),
  /** Matching calls that pass before the first one fails. */
  after: z.int().min(0).default(0),
};
const aboutDownloads = { ...which, operation: z.literal('download').default('download') };
const { times, after } = which;

/** One thing that goes wrong, for a number of calls. */
const faultScript = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    /** As MESH itself, a SOAP fault as it answers a 5xx at times, or nothing. */
    body: z.enum(['json', 'xml', 'none']).default('json'),
    /** Sent as Retry-After. */
    retryAfterSeconds: z.int().min(0).optional(),
    ...which,
  }),
  /** The connection breaks before the request's body was read. */
  z.strictObject({ kind: z.literal('reset-before'), ...which }),
  /** The request is carried out and its answer is lost. */
  z.strictObject({ kind: z.literal('reset-after'), ...which }),
  /** The answer comes in pieces of a kilobyte with a pause before each. */
  z.strictObject({ kind: z.literal('slow-body'), millisecondsPerPiece: z.int().min(1), ...which }),
  /** The token counts as used before. */
  z.strictObject({ kind: z.literal('duplicate-token'), ...which }),
  /** A new connection is turned away with the TLS alert `unknown_ca`; only over HTTPS, for any mailbox. */
  z.strictObject({ kind: z.literal('refuse-certificate'), times, after }),
  /** The answer ends halfway through its body. */
  z.strictObject({ kind: z.literal('cut-body'), ...which }),
  /** The body says gzip and is none. */
  z.strictObject({ kind: z.literal('corrupt-gzip'), ...aboutDownloads }),
  /** The answer claims to be another chunk of more than there are. */
  z.strictObject({ kind: z.literal('wrong-chunk-range'), ...aboutDownloads }),
]);

/** As a script gives it: `times` is 1 and `after` 0 where absent. */
export type Fault = z.input<typeof faultScript>;
export type FaultAtWork = z.output<typeof faultScript>;

/** @throws ZodError */
export function parseFault(value: unknown): Fault {
  return faultScript.parse(value);
}

interface Pending {
  readonly fault: FaultAtWork;
  toPass: number;
  left: number;
}

/** The faults that are still to come, in the order in which they were added. */
export class Faults {
  readonly #isSecure: boolean;
  readonly #onRefusal: () => void;
  #pending: Pending[] = [];

  /** @param onRefusal called when certificates are about to be refused, so that no open connection outlives it */
  constructor(isSecure: boolean, onRefusal: () => void) {
    this.#isSecure = isSecure;
    this.#onRefusal = onRefusal;
  }

  /** @throws ZodError; Error where certificates cannot be refused because none are asked for */
  add(script: Fault): void {
    const fault = faultScript.parse(script);
    if (fault.kind === 'refuse-certificate') {
      if (!this.#isSecure) throw new Error('refuse-certificate: MESH is served over HTTP, where there is none');
      this.#onRefusal();
    }
    this.#pending.push({ fault, toPass: fault.after, left: fault.times });
  }

  clear(): void {
    this.#pending = [];
  }

  /** What goes wrong with a call; undefined where nothing does. */
  take(operation: string, mailboxId?: string): FaultAtWork | undefined {
    return this.#take(
      (fault) =>
        fault.kind !== 'refuse-certificate' &&
        (fault.operation ?? operation) === operation &&
        (fault.mailboxId ?? mailboxId) === mailboxId,
    );
  }

  /** Whether a new connection is to be turned away. */
  takeConnection(): boolean {
    return this.#take(({ kind }) => kind === 'refuse-certificate') !== undefined;
  }

  #take(matches: (fault: FaultAtWork) => boolean): FaultAtWork | undefined {
    for (const pending of this.#pending) {
      if (!matches(pending.fault)) continue;
      if (pending.toPass > 0) {
        pending.toPass -= 1;
        continue;
      }
      pending.left -= 1;
      this.#pending = this.#pending.filter(({ left }) => left > 0);
      return pending.fault;
    }
    return undefined;
  }
}
