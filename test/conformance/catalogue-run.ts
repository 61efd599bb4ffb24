import type { Mailbox, MailboxOptions } from '../../shared/mesh/mailbox.ts';
import type { CaseContext, ConformanceCase, RunSettings, Session } from './case.ts';
import { type Check, Checks, Waiting } from './checks.ts';
import type { Environment, MailboxAccess } from './environment.ts';
import { Party } from './party.ts';
import { Recorder, type RecordedCall, withoutRetries } from './recorder.ts';

/**
 * - `passed`: every check holds
 * - `differs`: what does not hold is a known difference of the environment, listed with its reason
 * - `waiting`: a person or time has to go on; never a pass
 * - `failed`: the rest
 */
export type Verdict = 'passed' | 'differs' | 'waiting' | 'failed';

/** What an environment is known to do otherwise than MESH. */
export interface Difference {
  readonly number: string;
  /** Of the check that does not hold there. */
  readonly claim: string;
  readonly reason: string;
}

export interface JudgedCheck extends Check {
  /** Why it need not hold here. */
  readonly difference?: string;
}

export interface CaseResult extends Omit<ConformanceCase, 'run'> {
  readonly verdict: Verdict;
  /** What has to be done first, or what went wrong beside the checks. */
  readonly remark?: string;
  /** Name of the error that the case ended with. */
  readonly error?: string;
  readonly checks: readonly JudgedCheck[];
  /** Names and values that an assessor may ask for. */
  readonly notes: readonly { readonly name: string; readonly value: string }[];
  readonly startedAt: string;
  readonly endedAt: string;
  readonly calls: readonly RecordedCall[];
}

export interface CatalogueRunOptions {
  readonly settings: RunSettings;
  readonly differences?: readonly Difference[];
  /** Opens the client under test in place of our own. */
  readonly openMailbox?: (options: MailboxOptions) => Mailbox;
}

/** One run of the catalogue: the cases follow one another and share the mailboxes. */
export class CatalogueRun {
  readonly recorder = new Recorder();
  readonly #environment: Environment;
  readonly #options: CatalogueRunOptions;
  readonly #ours: Party;
  readonly #other: Party | undefined;
  readonly #dormant: Party | undefined;
  readonly #session: Session = {};
  readonly #results: CaseResult[] = [];
  /** No two runs of a second against one mailbox. */
  readonly #name = `CONFORMANCE-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;

  constructor(environment: Environment, options: CatalogueRunOptions) {
    const { recorder } = this;
    const { ours, other, dormant } = environment.mailboxes;
    const party = ({ password, ...access }: MailboxAccess): Party | undefined =>
      password === undefined ? undefined : new Party({ environment, access: { ...access, password }, recorder });
    this.#environment = environment;
    this.#options = options;
    this.#ours = new Party({ environment, access: ours, recorder, openMailbox: options.openMailbox });
    this.#other = party(other);
    this.#dormant = party(dormant);
    recorder.tokens.start();
  }

  /** By number; the cases run in another order. */
  get results(): readonly CaseResult[] {
    return [...this.#results].sort((a, b) => a.number.localeCompare(b.number));
  }

  /** Ends the watch over what leaves this process. */
  close(): void {
    this.recorder.tokens.stop();
  }

  async run(conformanceCase: ConformanceCase): Promise<CaseResult> {
    const { run, ...about } = conformanceCase;
    const checks = new Checks();
    const notes: { name: string; value: string }[] = [];
    const startedAt = new Date().toISOString();
    const before = this.recorder.calls.length;
    const problem = await run(this.#context(about.number, checks, notes, before)).then(
      () => undefined,
      (error: unknown) => error,
    );
    const judged = judge(about.number, checks.made, this.#options.differences ?? []);
    const result: CaseResult = {
      ...about,
      verdict: verdictOf(judged, problem),
      ...(problem === undefined ? {} : { remark: remarkOf(problem) }),
      ...(problem instanceof Error && !(problem instanceof Waiting) ? { error: problem.name } : {}),
      ...{ checks: judged, notes, startedAt, endedAt: new Date().toISOString() },
      calls: this.recorder.calls.slice(before),
    };
    this.#results.push(result);
    return result;
  }

  #context(number: string, checks: Checks, notes: { name: string; value: string }[], before: number): CaseContext {
    const { recorder } = this;
    let last = 0;
    return {
      ...{ environment: this.#environment, settings: this.#options.settings, session: this.#session },
      ...{ ours: this.#ours, other: this.#other, dormant: this.#dormant, recorder, checks },
      note: (name, value) => {
        notes.push({ name, value });
      },
      calls: () =>
        withoutRetries(
          recorder.calls
            .slice(before)
            .filter(({ mailboxId, isPreparation }) => mailboxId === this.#ours.mailboxId && !isPreparation),
        ),
      localId: (suffix) => {
        last += 1;
        return `${this.#name}-${number}-${suffix ?? String(last)}`;
      },
    };
  }
}

/** A listed difference that does not differ any more is a failure too: the list would hide the next one. */
function judge(number: string, made: readonly Check[], differences: readonly Difference[]): JudgedCheck[] {
  const listed = differences.filter((difference) => difference.number === number);
  const judged = made.map((check): JudgedCheck => {
    const difference = check.holds ? undefined : listed.find(({ claim }) => claim === check.claim);
    return difference ? { ...check, difference: difference.reason } : check;
  });
  const idle = listed.filter(
    ({ claim }) => !judged.some((check) => check.claim === claim && check.difference !== undefined),
  );
  return [
    ...judged,
    ...idle.map(({ claim }) => ({ claim: 'A listed difference still differs', holds: false, found: `not: ${claim}` })),
  ];
}

function verdictOf(checks: readonly JudgedCheck[], problem: unknown): Verdict {
  const isWaiting = problem instanceof Waiting;
  const isBroken = checks.some(({ holds, difference }) => !holds && difference === undefined);
  if (isBroken || (problem !== undefined && !isWaiting)) return 'failed';
  if (isWaiting) return 'waiting';
  if (checks.length === 0) return 'failed';
  return checks.every(({ holds }) => holds) ? 'passed' : 'differs';
}

function remarkOf(problem: unknown): string {
  if (problem instanceof Waiting) return problem.message;
  return problem instanceof Error ? `${problem.name}: ${problem.message}` : String(problem);
}
