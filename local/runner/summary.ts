import { z } from 'zod';
import type { Report } from '../../shared/report/report.ts';
import type { EndedExecution } from './run-scenario.ts';

/** What a local run says of itself, on stdout with `--json` and in `summary.json`. */
export interface Summary {
  readonly runId: string;
  /** Of the execution: SUCCEEDED, FAILED, TIMED_OUT or ABORTED. */
  readonly status: string;
  /** Of the run: Completed, CompletedPartially, NothingToCheck, DryRunCompleted, Duplicate, AlreadyRunning or Failed. */
  readonly outcome: string;
  /** Name of the error that a failed run ended with. */
  readonly error?: string;
  readonly message?: string;
  readonly cohort: {
    readonly rows: number;
    readonly requested: number;
    readonly quarantined: number;
    readonly duplicates: number;
    readonly quarantinedByReason: Readonly<Record<string, number>>;
  };
  readonly parts: number;
  readonly optedOut: number;
  readonly notOptedOut: number;
  readonly changes: Report['changes'];
  readonly consents: { readonly written: number; readonly failed: number };
  readonly durationMs: number;
  /** Outcome of every execution of the scenario, in order. */
  readonly executions: readonly string[];
  /** Most memory that each function used, in MiB. */
  readonly lambdaMemoryMb: Readonly<Record<string, number>>;
}

/** The members of a kept report that the summary shows. */
export const keptReport = z.looseObject({
  outcome: z.string(),
  failure: z.looseObject({ name: z.string(), message: z.string() }).optional(),
  cohort: z.object({
    rows: z.number(),
    requested: z.number(),
    quarantined: z.number(),
    duplicates: z.number(),
    quarantinedByReason: z.record(z.string(), z.number()),
  }),
  parts: z.array(z.unknown()),
  optedOut: z.number(),
  notOptedOut: z.number(),
  changes: z.object({
    activated: z.number(),
    deactivated: z.number(),
    created: z.number(),
    updated: z.number(),
    retired: z.number(),
  }),
  consents: z.object({ written: z.number(), failed: z.number() }),
});
export type KeptReport = z.infer<typeof keptReport>;

const nothing: Pick<KeptReport, 'cohort' | 'parts' | 'optedOut' | 'notOptedOut' | 'changes' | 'consents'> = {
  cohort: { rows: 0, requested: 0, quarantined: 0, duplicates: 0, quarantinedByReason: {} },
  parts: [],
  optedOut: 0,
  notOptedOut: 0,
  changes: { activated: 0, deactivated: 0, created: 0, updated: 0, retired: 0 },
  consents: { written: 0, failed: 0 },
};

export function summaryOf(
  main: EndedExecution,
  all: readonly EndedExecution[],
  report: KeptReport | undefined,
  measured: { readonly durationMs: number; readonly memory: ReadonlyMap<string, number> },
): Summary {
  const { cohort, parts, optedOut, notOptedOut, changes, consents } = report ?? nothing;
  const outcomeOf = (execution: EndedExecution) => execution.outcome ?? execution.error ?? execution.status;
  return {
    runId: main.runId ?? '',
    status: main.status,
    outcome: main.outcome ?? 'Failed',
    ...(main.error === undefined ? {} : { error: main.error }),
    ...(main.error === undefined ? {} : { message: report?.failure?.message ?? main.message ?? '' }),
    cohort,
    parts: parts.length,
    optedOut,
    notOptedOut,
    changes,
    consents,
    durationMs: Math.round(measured.durationMs),
    executions: all.map(outcomeOf),
    lambdaMemoryMb: Object.fromEntries([...measured.memory].map(([name, megabytes]) => [name, Math.round(megabytes)])),
  };
}

/** The execution that a scenario is about: the last that was let in. */
export function mainExecution(executions: readonly EndedExecution[]): EndedExecution | undefined {
  const letIn = executions.filter(({ outcome }) => outcome !== 'Duplicate' && outcome !== 'AlreadyRunning');
  return letIn.at(-1) ?? executions.at(-1);
}
