import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { z } from 'zod';
import { parseJson } from '../../shared/json.ts';
import { LedgerTable } from '../../shared/ledger/table.ts';
import { Runs } from '../../shared/ledger/runs.ts';
import { parseLocalId } from '../../shared/ndop/run-id.ts';
import { answerReview } from '../../shared/review.ts';
import type { Fault as FhirStoreFault } from '../healthlake/faults.ts';
import type { HealthLake } from '../healthlake/healthlake.ts';
import { answerAsNdop } from '../ndop/ndop.ts';
import type { Scenario, ScenarioRun } from '../scenarios.ts';
import type { ExecutionEvent } from '../step-functions/history.ts';
import { arrangeMishaps } from './mishaps.ts';
import { stateEntered, type Progress } from './progress.ts';
import { mailboxOf, ndopMailboxOf, type Runtime } from './runtime.ts';
import { ageSnapshot, forgetEnd, loseSnapshot } from './snapshot.ts';

/** One execution that has ended. */
export interface EndedExecution {
  readonly executionArn: string;
  readonly status: string;
  /** The run that it opened, or that kept it from opening one; absent where it failed before. */
  readonly runId?: string;
  readonly outcome?: string;
  readonly error?: string;
  /** What the step that failed last said. */
  readonly message?: string;
  readonly events: readonly ExecutionEvent[];
}

export interface ScenarioOptions {
  readonly scenario: Scenario;
  readonly runtime: Runtime;
  readonly isOptedOut: (nhsNumber: string) => boolean;
  readonly isKnown: (nhsNumber: string) => boolean;
  /** The cohort as CSV, for a run that takes it from the bucket. */
  readonly cohortCsv: () => AsyncIterable<string>;
  /** How a held run is answered where the scenario does not say; `none` leaves it to the operator's command. */
  readonly review: 'approve' | 'reject' | 'none';
  readonly progress: Progress;
}

const noticeAfterMilliseconds = 100;
const answerAfterMilliseconds = 300;
const csvKey = 'cohorts/cohort.csv';

/** Runs the executions of a scenario, one after another unless it says otherwise, and waits until all have ended. */
export async function runScenario(options: ScenarioOptions): Promise<EndedExecution[]> {
  const { scenario, runtime } = options;
  const stopReviewing = reviewHeldRuns(options);
  const scheduledTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const under: Promise<EndedExecution>[] = [];
  const ended: EndedExecution[] = [];
  for (const [index, run] of scenario.runs.entries()) {
    const running = Promise.withResolvers<undefined>();
    const ndop = answer(run, running.promise, options);
    // What went wrong in an earlier run is over.
    for (const store of [runtime.healthLake, runtime.consentStore]) store.faults.clear();
    if (run.refusedEntries !== undefined) {
      runtime.consentStore.faults.add({ kind: 'entry-refuse', times: run.refusedEntries, entry: 0 });
    }
    if (run.isSnapshotLost === true) await loseSnapshot(runtime);
    if (run.isEndForgotten === true) await forgetEnd(runtime);
    if (run.agedDays !== undefined) await ageSnapshot(run.agedDays, runtime);
    for (const fault of run.fhirStoreFaults ?? []) storeOf(fault, runtime).faults.add(fault);
    arrangeMesh(run, runtime);
    const makeGood = arrangeMishaps(run.mishaps ?? [], runtime);
    if (run.awaitsReply === true) await untilReplyWaits(runtime);
    const earlier = ended.find((execution) => execution.runId !== undefined)?.runId;
    const execution =
      run.isDrain === true
        ? await start(runtime.deployment.drainStateMachine.arn, {}, runtime)
        : await start(
            runtime.deployment.stateMachine.arn,
            await inputOf(run, earlier, scheduledTime, options),
            runtime,
          );
    const ending = watch(execution, runtime);
    under.push(ending);
    const next = scenario.runs[index + 1];
    const isFollowedAtOnce = next?.isConcurrent === true;
    if (isFollowedAtOnce) await untilState('Check the inbox', execution, runtime);
    else {
      ended.push(...(await Promise.all(under.splice(0))));
      await makeGood();
    }
    running.resolve(undefined);
    // A late answer still comes.
    if (next && !isFollowedAtOnce && next.awaitsReply !== true) ndop?.close();
  }
  stopReviewing();
  return ended;
}

/** Exports are of Patients; whatever else may go wrong is told of the Consents. */
function storeOf(fault: FhirStoreFault, { healthLake, consentStore }: Runtime): HealthLake {
  const isOfExport = fault.kind === 'export-end' || ('on' in fault && fault.on === 'export');
  return isOfExport ? healthLake : consentStore;
}

function arrangeMesh({ meshFaults = [], isMailboxDisabled = false }: ScenarioRun, { mesh, deployment }: Runtime): void {
  mesh.faults.clear();
  for (const fault of meshFaults) mesh.faults.add(fault);
  mesh.setDisabled(mailboxOf(deployment), isMailboxDisabled);
}

function answer(
  { behaviour, exception, isAnsweredLate }: ScenarioRun,
  running: Promise<unknown>,
  options: ScenarioOptions,
): { close(): void } | undefined {
  if (behaviour === undefined) return undefined;
  const { runtime, scenario, isOptedOut, isKnown } = options;
  return answerAsNdop({
    mesh: runtime.mesh,
    mailboxId: ndopMailboxOf(runtime.deployment),
    isOptedOut,
    isKnown,
    behaviour: (localId) =>
      parseLocalId(localId)?.part === exception?.part ? (exception?.behaviour ?? behaviour) : behaviour,
    noticeAfterMs: noticeAfterMilliseconds,
    answerAfterMs: scenario.answerAfterMilliseconds ?? answerAfterMilliseconds,
    ...(isAnsweredLate === true ? { answersOnce: running } : {}),
  });
}

async function inputOf(
  run: ScenarioRun,
  earlierRunId: string | undefined,
  scheduledTime: string,
  { runtime, cohortCsv }: ScenarioOptions,
): Promise<object> {
  if (run.isInputInvalid === true) return { trigger: 'console', mode: 'resume' };
  if (run.isScheduled === true) return { trigger: 'schedule', scheduledTime };
  const mode = run.mode ?? 'refresh';
  if (run.cohortFromCsv === true) {
    const lines: string[] = [];
    for await (const line of cohortCsv()) lines.push(line);
    // Behind the line that names the columns.
    lines.splice(1, run.leavers ?? 0);
    await runtime.clients.s3.send(
      new PutObjectCommand({ Bucket: runtime.deployment.bucket, Key: csvKey, Body: lines.join('') }),
    );
  }
  return {
    trigger: 'console',
    reason: 'local run',
    mode,
    ...(run.isRewrite === true ? { rewrite: true } : {}),
    ...(mode === 'resume' || run.isOverFirstRun === true ? { resumeRunId: earlierRunId } : {}),
    ...(run.cohortFromCsv === true ? { cohort: { source: 's3', key: csvKey } } : {}),
  };
}

async function untilReplyWaits({ mesh, deployment }: Runtime): Promise<void> {
  const ours = mailboxOf(deployment);
  while (!mesh.messages().some(({ to, status }) => to === ours && status === 'accepted')) await pause(20);
}

/** By the alias of the live version, as the schedule and the operator's command do. */
async function start(stateMachineArn: string, input: object, { clients }: Runtime): Promise<string> {
  const { executionArn = '' } = await clients.sfn.send(
    new StartExecutionCommand({
      stateMachineArn: `${stateMachineArn}:live`,
      name: `local-${randomBytes(6).toString('hex')}`,
      input: JSON.stringify(input),
    }),
  );
  return executionArn;
}

/** A drain opens no run. */
const executionOutput = z.looseObject({ runId: z.string().optional(), outcome: z.string() });

async function watch(executionArn: string, { stepFunctions }: Runtime): Promise<EndedExecution> {
  const { status, output, error } = await stepFunctions.finished(executionArn);
  const events = stepFunctions.history(executionArn);
  const said = executionOutput.safeParse(output === undefined ? undefined : JSON.parse(output));
  const runId = said.success ? said.data.runId : openedRun(events);
  return {
    executionArn,
    status,
    ...(runId === undefined ? {} : { runId }),
    ...(said.success ? { outcome: said.data.outcome } : {}),
    ...(error === undefined ? {} : { error, message: lastFailure(events) }),
    events,
  };
}

const openingResult = z.looseObject({ Payload: z.looseObject({ runId: z.string() }) });

/** The run that an execution opened, as its first step's result says. */
function openedRun(events: readonly ExecutionEvent[]): string | undefined {
  for (const { taskSucceededEventDetails: details } of events) {
    const result = openingResult.safeParse(JSON.parse(details?.output ?? 'null'));
    if (result.success) return result.data.Payload.runId;
  }
  return undefined;
}

const lambdaCause = z.looseObject({ errorMessage: z.string() });

function lastFailure(events: readonly ExecutionEvent[]): string {
  const cause = events.findLast((event) => event.taskFailedEventDetails)?.taskFailedEventDetails?.cause ?? 'null';
  const said = lambdaCause.safeParse(parseJson(cause));
  return said.success ? said.data.errorMessage : '';
}

async function untilState(name: string, executionArn: string, { stepFunctions }: Runtime): Promise<void> {
  while (!stepFunctions.history(executionArn).some((event) => stateEntered(event) === name)) {
    if (stepFunctions.execution(executionArn).status !== 'RUNNING') return;
    await pause(10);
  }
}

/** Stands in for the reviewer: answers each held run once its hold is recorded. */
function reviewHeldRuns({ runtime, scenario, review, progress }: ScenarioOptions): () => void {
  const { stepFunctions, clients, deployment } = runtime;
  const runs = new Runs(new LedgerTable(clients.dynamoDb, deployment.table));
  const verdict = scenario.runs.find((run) => run.review !== undefined)?.review ?? review;
  let isOver = false;
  const answerHold = async (executionArn: string): Promise<void> => {
    const runId = openedRun(stepFunctions.history(executionArn));
    if (runId === undefined || verdict === 'none') return;
    while (!isOver && (await runs.find(runId))?.state !== 'held') await pause(20);
    if (isOver) return;
    const reason =
      verdict === 'approve'
        ? 'approved by the local run'
        : 'a local run approves nothing unless told: --review approve';
    await answerReview(runId, { approve: verdict === 'approve', by: 'local', reason }, { runs, sfn: clients.sfn });
  };
  stepFunctions.onEvent((executionArn, event) => {
    const name = stateEntered(event);
    if (name !== undefined) progress.entered(name);
    if (name === 'Hold for review') {
      answerHold(executionArn).catch((error: unknown) => {
        process.stderr.write(`The held run could not be answered: ${String(error)}\n`);
      });
    }
  });
  return () => {
    isOver = true;
  };
}
