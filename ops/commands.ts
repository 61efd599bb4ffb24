import { setTimeout as pause } from 'node:timers/promises';
import { DescribeExecutionCommand, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { z } from 'zod';
import { parseJson } from '../shared/json.ts';
import type { Run } from '../shared/ledger/runs.ts';
import { failureOf, leavesOf } from '../shared/ndop/pieces.ts';
import { partsOf } from '../shared/report/report.ts';
import { answerReview } from '../shared/review.ts';
import { statedReason } from '../shared/ndop/stated-reason.ts';
import { UsageError } from '../shared/command-line.ts';
import { checkStores } from './check-store.ts';
import { showFreshness, showSnapshot, verifySnapshot } from './snapshot.ts';
import type { Target } from './target.ts';

/** What was given on the command line beside the command's name. */
export interface Given {
  readonly runId?: string;
  readonly reason?: string;
  readonly cohortKey?: string;
  readonly isDryRun: boolean;
  readonly isRewrite: boolean;
}

/** One thing that an operator can ask for; gives what to print in the end, and prints what takes long as it comes. */
export type Command = (given: Given, target: Target, print: (line: string) => void) => Promise<string>;

export const commands: Readonly<Record<string, { readonly tells: string; readonly run: Command }>> = {
  runs: {
    tells: 'the newest runs, one a line',
    run: async (_, { runs }) => (await runs.list()).slice(0, 20).map(line).join('\n') || 'No run yet',
  },
  show: {
    tells: 'RUN: where a run stands, part by part',
    run: async (given, { runs, parts }) => {
      const run = await runs.read(runIdIn(given));
      const all = await parts.list(run.runId);
      const rows = partsOf(run, all);
      return [
        line(run),
        ...(run.reason === undefined ? [] : [`  reason   ${run.reason}`]),
        ...(run.cohort ? [`  cohort   ${run.cohort.counts.rows} rows, ${run.cohort.counts.requested} people`] : []),
        ...(run.state === 'held' && run.verdict ? run.verdict.reasons.map((reason) => `  held     ${reason}`) : []),
        ...(run.state === 'failed' && run.failure
          ? [`  failed   ${run.failure.name} at "${run.failure.stage}": ${run.failure.message}`]
          : []),
        ...rows.map((row) => {
          const { part, rows: people, state } = row;
          const failure = failureOf(row, all);
          const pieces = leavesOf(row, all).length;
          return `  part ${part}   ${people} people, ${state}${pieces > 0 ? ` in ${pieces} pieces` : ''}${failure ? `: ${failure.message}` : ''}`;
        }),
      ].join('\n');
    },
  },
  start: {
    tells: '--reason TEXT [--dry-run] [--cohort-key KEY] [--rewrite]: start a run now',
    run: (given, target) =>
      start(target, {
        trigger: 'console',
        reason: reasonIn(given),
        ...(given.isDryRun ? { mode: 'dry-run' } : {}),
        ...(given.isRewrite ? { rewrite: true } : {}),
        ...(given.cohortKey === undefined ? {} : { cohort: { source: 's3', key: given.cohortKey } }),
      }),
  },
  resume: {
    tells: 'RUN --reason TEXT: go on with a run that failed or completed in part',
    run: (given, target) =>
      start(target, { trigger: 'console', mode: 'resume', resumeRunId: runIdIn(given), reason: reasonIn(given) }),
  },
  approve: { tells: 'RUN --reason TEXT: let a held run write', run: (given, target) => review(true, given, target) },
  reject: {
    tells: 'RUN --reason TEXT: end a held run, nothing written',
    run: (given, target) => review(false, given, target),
  },
  drain: {
    tells: 'take in whatever waits in the mailbox now, as the daily drain does',
    run: async (_, { sfn, drainStateMachineArn }) => {
      const { executionArn } = await sfn.send(
        new StartExecutionCommand({ stateMachineArn: drainStateMachineArn, input: '{}' }),
      );
      for (;;) {
        const { status, output, error } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        if (status === 'SUCCEEDED') return drainLine(output);
        if (status !== 'RUNNING')
          throw new Error(`The drain ended as ${status ?? 'nothing'}: ${error ?? 'see its log'}`);
        await pause(1_000);
      }
    },
  },
  release: {
    tells: 'free the mailbox of a run whose execution was aborted or timed out',
    run: async (_, { mailbox, sfn }) => {
      const holder = await mailbox.holder();
      if (!holder) return 'Nobody holds the mailbox';
      const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn: holder.execution }));
      if (status === 'RUNNING') throw new UsageError(`Run ${holder.runId} holds the mailbox and is running`);
      await mailbox.releaseLease(holder.execution);
      return `Released: run ${holder.runId} has ${status ?? 'ended'}. Resume it, or start another`;
    },
  },
  'check-store': {
    tells:
      'whether the FHIR stores can be reached and take our Consents as valid; nothing is written; exit code 1 if not',
    run: (_, { openStores }, print) => checkStores(openStores(), print),
  },
  freshness: {
    tells: 'how old the answers are that the Consents rest on, and how many have expired',
    run: (_, target) => showFreshness(target, new Date()),
  },
  'snapshot show': {
    tells: 'what we believe at present: its stretches of the number line, their people and ages',
    run: (_, target) => showSnapshot(target, new Date()),
  },
  'snapshot verify': {
    tells: 'read the newest snapshot from end to end: hashes, order, counts, form; exit code 1 with every fault',
    run: (_, target, print) => verifySnapshot(target, new Date(), print),
  },
  'snapshot rebuild': {
    tells:
      '--reason TEXT [--cohort-key KEY]: make a lost or damaged snapshot anew from the Consents; nothing is written',
    run: (given, target) =>
      start(target, {
        ...{ trigger: 'console', mode: 'rebuild', reason: reasonIn(given) },
        ...(given.cohortKey === undefined ? {} : { cohort: { source: 's3', key: given.cohortKey } }),
      }),
  },
  report: {
    tells: 'RUN: the report of a run, as JSON',
    run: async (given, { runs, files }) => {
      const { runId, reportKey } = await runs.read(runIdIn(given));
      const report = reportKey === undefined ? undefined : await files.find(reportKey);
      if (!report) throw new UsageError(`Run ${runId} has no report yet`);
      return report.toString('utf8').trimEnd();
    },
  },
};

const drained = z.object({
  deleted: z.number(),
  disposition: z.enum(['drained', 'stepped-aside']),
  holder: z.string(),
  stored: z.number(),
  left: z.number(),
  settled: z.record(z.string(), z.number()),
});

function drainLine(output: string | undefined): string {
  const { disposition, holder, stored, left, settled, deleted } = drained.parse(parseJson(output ?? ''));
  const expired = deleted > 0 ? [`${deleted} Consents deleted, since their answers had expired`] : [];
  if (disposition === 'stepped-aside') return [`Stepped aside: run ${holder} has the mailbox`, ...expired].join('; ');
  const counts = Object.entries(settled).map(([what, count]) => `${what} ${count}`);
  return [
    `Drained: ${stored} messages taken in`,
    ...(left > 0 ? [`${left} could not be had and wait for the next look`] : []),
    ...(counts.length > 0 ? [counts.join(', ')] : []),
    ...expired,
  ].join('; ');
}

function line({ runId, state, outcome, trigger, mode, openedAt }: Run): string {
  return `${runId}  ${openedAt.slice(0, 16)}  ${trigger} ${mode}  ${state}${outcome ? ` ${outcome}` : ''}`;
}

async function start({ sfn, stateMachineArn }: Target, input: object): Promise<string> {
  const { executionArn = '' } = await sfn.send(
    new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }),
  );
  return `Started ${executionArn}`;
}

async function review(approve: boolean, given: Given, { runs, sfn, caller }: Target): Promise<string> {
  const runId = runIdIn(given);
  const reason = reasonIn(given);
  await answerReview(runId, { approve, by: await caller(), reason }, { runs, sfn });
  return `${approve ? 'Approved' : 'Rejected'} run ${runId}`;
}

function runIdIn({ runId }: Given): string {
  if (runId === undefined) throw new UsageError('Name the run, for example 20260901T020000Z-7f3a');
  return runId;
}

function reasonIn({ reason }: Given): string {
  if (reason === undefined) throw new UsageError('Say why with --reason "..."');
  const stated = statedReason.safeParse(reason);
  if (!stated.success) throw new UsageError(`--reason: ${stated.error.issues[0]?.message ?? 'not usable'}`);
  return stated.data;
}
