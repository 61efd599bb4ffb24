import { buildCohort, type BuildCohortDeps } from '../../functions/build-cohort/build-cohort.ts';
import { checkFreshness, type CheckFreshnessDeps } from '../../functions/check-freshness/check-freshness.ts';
import { checkInbox, type CheckInboxDeps } from '../../functions/check-inbox/check-inbox.ts';
import { correctSnapshot, type CorrectSnapshotDeps } from '../../functions/correct-snapshot/correct-snapshot.ts';
import { closeRun, type CloseRunDeps } from '../../functions/close-run/close-run.ts';
import { countConsents, type CountConsentsDeps } from '../../functions/count-consents/count-consents.ts';
import { drainMailbox, type DrainMailboxDeps } from '../../functions/drain-mailbox/drain-mailbox.ts';
import { expireConsents, type ExpireConsentsDeps } from '../../functions/expire-consents/expire-consents.ts';
import { holdForReview, type HoldForReviewDeps } from '../../functions/hold-for-review/hold-for-review.ts';
import { openRun, openRunInput, type OpenRunDeps } from '../../functions/open-run/open-run.ts';
import { rebuildPart, type RebuildPartDeps } from '../../functions/rebuild-part/rebuild-part.ts';
import { reconcilePart, type ReconcilePartDeps } from '../../functions/reconcile-part/reconcile-part.ts';
import { recordExpiry, type RecordExpiryDeps } from '../../functions/record-expiry/record-expiry.ts';
import { recordFailure, type RecordFailureDeps } from '../../functions/record-failure/record-failure.ts';
import { sendRequest, type SendRequestDeps } from '../../functions/send-request/send-request.ts';
import { splitRequest, type SplitRequestDeps } from '../../functions/split-request/split-request.ts';
import { stageRequest, type StageRequestDeps } from '../../functions/stage-request/stage-request.ts';
import { weighChanges, type WeighChangesDeps } from '../../functions/weigh-changes/weigh-changes.ts';
import { writeConsents, type WriteConsentsDeps } from '../../functions/write-consents/write-consents.ts';
import { deleteConsents } from '../../shared/fhir/delete-consents.ts';
import { parseIdKey } from '../../shared/fhir/consent-id.ts';
import type { CompletedRun } from '../../shared/fhir/run-marker.ts';
import { readConsents } from '../../shared/fhir/read-consents.ts';
import { isTagged } from '../../shared/fhir/record-of-consent.ts';
import { writeBatch } from '../../shared/fhir/write-batch.ts';
import { writeProvenances } from '../../shared/fhir/write-provenances.ts';
import { log } from '../../shared/log.ts';
import type { Measured } from '../../shared/metrics.ts';
import type { ChangePass } from '../../shared/ndop/changes.ts';
import type { Expiring } from '../../shared/ndop/expiring.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import type { Report } from '../../shared/report/report.ts';
import { reportText } from '../../shared/report/report-text.ts';
import { writeReport } from '../../shared/report/write-report.ts';
import { iterate, sha256 } from './bodies.ts';
import { Clock } from './clock.ts';
import { InMemoryFiles } from './in-memory-files.ts';
import { InMemoryFhirStore } from './in-memory-fhir-store.ts';
import { openInMemoryLedger } from './in-memory-ledger.ts';
import { InMemoryMesh, type SentMessage } from './in-memory-mesh.ts';
import { digitsOf } from './nhs-numbers.ts';

log.setLogLevel('SILENT');

export const mailboxes = { from: 'RZZ99OT001', to: 'X26OT154' } as const;
export const leaseSeconds = 7200;
const namespace = 'https://fhir.example.nhs.uk/ndop';

type AllDeps = OpenRunDeps &
  BuildCohortDeps &
  StageRequestDeps &
  SendRequestDeps &
  SplitRequestDeps &
  DrainMailboxDeps &
  CheckInboxDeps &
  ReconcilePartDeps &
  WeighChangesDeps &
  HoldForReviewDeps &
  WriteConsentsDeps &
  CorrectSnapshotDeps &
  RebuildPartDeps &
  CountConsentsDeps &
  CloseRunDeps &
  CheckFreshnessDeps &
  ExpireConsentsDeps &
  RecordExpiryDeps &
  RecordFailureDeps;

/** Every step over one set of things in memory: what one step leaves behind, the next one finds. */
export class InMemoryPipeline {
  readonly clock = new Clock('2026-09-01T02:00:00Z');
  readonly ledger = openInMemoryLedger(this.clock.now);
  readonly files = new InMemoryFiles();
  readonly mesh = new InMemoryMesh();
  readonly store = new InMemoryFhirStore();
  readonly markers: CompletedRun[] = [];
  readonly notices: { readonly subject: string; readonly message: string }[] = [];
  readonly published: Report[] = [];
  readonly measured: Measured[] = [];
  /** Inputs and outputs of all steps so far, as the state machine's history would hold them. */
  readonly history: unknown[] = [];
  /** Who is asked about in the next run. */
  cohort: readonly number[] = [];
  execution = 'arn:execution:first';
  runId = '';
  readonly #settings: Partial<AllDeps>;

  constructor(settings: Partial<AllDeps> = {}) {
    this.#settings = settings;
  }

  /** Everything that any step may need. */
  deps(): AllDeps {
    const { ledger, files, mesh, clock, store } = this;
    const sleep = () => Promise.resolve();
    const notify = (subject: string, message: string): Promise<void> => {
      this.notices.push({ subject, message });
      return Promise.resolve();
    };
    return {
      allowedBlocks: ['test'],
      bulkImportThreshold: 10_000,
      certificateDaysLeft: undefined,
      changeFileRows: 20_000,
      concurrency: 4,
      consent: {
        idKey: parseIdKey('07'.repeat(32)),
        namespace,
        patientReference: 'literal',
      },
      countAll: () => Promise.resolve(this.consents.size),
      countRegistered: () => Promise.resolve(0),
      countTagged: () =>
        Promise.resolve([...this.consents.values()].filter((each) => isTagged(each, namespace)).length),
      defaultCohort: { source: 'fhir-store' },
      deleteConsents: (ids, isActiveKept) => deleteConsents(store, ids, { namespace, isActiveKept, sleep }),
      files,
      latest: ledger.latest,
      leaseSeconds,
      ledger: ledger.mailbox,
      limits: {
        ...{ rateGateFrom: 500, maxOptOutPercent: 25, maxChangePoints: 2, maxDeactivations: 1000 },
        ...{ maxInvalidNumbers: 100, maxPieces: 4000, splittingSeconds: 432_000 },
      },
      lineEnding: 'CRLF',
      mailbox: ledger.mailbox,
      mailboxes,
      maxAgeDays: 21,
      measure: (measured) => void this.measured.push(measured),
      mesh,
      mostDeletes: 100_000,
      mostReads: 100_000,
      notify,
      now: clock.now,
      partRows: 100_000,
      parts: ledger.parts,
      patientRead: 'search',
      pollPlan: [
        { untilSeconds: 7200, everySeconds: 300 },
        { untilSeconds: 86_400, everySeconds: 900 },
        { everySeconds: 3600 },
      ],
      publish: async (report: Report) => {
        this.published.push(report);
        await notify(`NDOP run ${report.runId}: ${report.outcome}`, reportText(report));
      },
      odsCode: 'RZZ99',
      newestMarker: () => Promise.resolve(this.markers.at(-1)),
      postMarker: (completed) => {
        this.markers.push(completed);
        return Promise.resolve();
      },
      readConsents: (ids) => readConsents(store, ids, sleep),
      readManifest: (file) => readManifest(files, file),
      openCohort: () => iterate([cohortCsv(this.cohort)]),
      replyDeadlineSeconds: 432_000,
      retentionDays: 30,
      storeMark: 'store-one',
      reviewSeconds: 86_400,
      runs: ledger.runs,
      source: { mailbox: mailboxes.to, workflowId: 'SPINE_NTT_UPHOLDING' },
      writeBatch: (writes, runId) => writeBatch(store, writes, { namespace, runId, sleep }),
      writeProvenances: (provenances) => writeProvenances(store, provenances, sleep),
      consentWrites: ledger.consentWrites,
      consentImports: ledger.consentImports,
      writes: ledger.writes,
      isImportUnderWay: () => Promise.resolve(false),
      writeReport: (report: Report) => writeReport(files, report),
      ...this.#settings,
    };
  }

  /** What the FHIR store holds now. */
  get consents() {
    return this.store.consents;
  }

  async open(input: object = { trigger: 'schedule', scheduledTime: '2026-09-01T02:00:00Z' }) {
    const execution = { id: this.execution, name: this.execution, startedAt: this.clock.now().toISOString() };
    const output = await this.#step({ execution, input }, (given) => openRun(openRunInput.parse(given), this.deps()));
    this.runId = output.runId;
    return output;
  }

  build() {
    return this.#step({ runId: this.runId }, (input) => buildCohort(input, this.deps()));
  }

  stage(part: number, isReopened = false) {
    return this.#step({ runId: this.runId, part, isReopened }, (input) => stageRequest(input, this.deps()));
  }

  send(part: number, waitedSeconds = 0) {
    return this.#step({ ...this.#run(), part, waitedSeconds }, (input) => sendRequest(input, this.deps()));
  }

  split(splits = 0) {
    return this.#step({ ...this.#run(), splits }, (input) => splitRequest(input, this.deps()));
  }

  drain(execution = 'arn:execution:drain') {
    return this.#step({ execution }, (input) => drainMailbox(input, this.deps()));
  }

  check(waitedSeconds = 0) {
    return this.#step({ ...this.#run(), waitedSeconds }, (input) => checkInbox(input, this.deps()));
  }

  reconcile(part: number) {
    return this.#step({ runId: this.runId, part }, (input) => reconcilePart(input, this.deps()));
  }

  weigh(refused: Parameters<typeof weighChanges>[0]['refused'] = []) {
    return this.#step({ ...this.#run(), refused }, (input) => weighChanges(input, this.deps()));
  }

  hold(taskToken = 'token') {
    return this.#step({ ...this.#run(), taskToken }, (input) => holdForReview(input, this.deps()));
  }

  write(pass: ChangePass, part: number, file: number) {
    return this.#step({ ...this.#run(), pass, part, file }, (input) => writeConsents(input, this.deps()));
  }

  correct(part: number) {
    return this.#step({ ...this.#run(), part }, (input) => correctSnapshot(input, this.deps()));
  }

  rebuild(part: number) {
    return this.#step({ ...this.#run(), part }, (input) => rebuildPart(input, this.deps()));
  }

  /** As often as it takes. */
  async rebuildWhole(part: number): Promise<void> {
    for (let isRebuilt = false; !isRebuilt;) ({ isRebuilt } = await this.rebuild(part));
  }

  count() {
    return this.#step({ runId: this.runId }, (input) => countConsents(input, this.deps()));
  }

  close(ending: Partial<Parameters<typeof closeRun>[0]> = {}) {
    return this.#step({ ...this.#run(), written: 0, ...ending }, (input) => closeRun(input, this.deps()));
  }

  fail(failure: Pick<Parameters<typeof recordFailure>[0], 'stage' | 'error'>) {
    const input = { ...this.#run(), startedAt: this.clock.now().toISOString(), ...failure };
    return this.#step(input, (given) => recordFailure(given, this.deps()));
  }

  freshness(execution = 'arn:execution:drain') {
    const input = { execution, at: this.clock.now().toISOString() };
    return this.#step(input, (given) => checkFreshness(given, this.deps()));
  }

  expireSome(due: Expiring, execution = 'arn:execution:drain') {
    const input = { execution, at: this.clock.now().toISOString(), due };
    return this.#step(input, (given) => expireConsents(given, this.deps()));
  }

  recordExpiry(expired: readonly Expiring[], execution = 'arn:execution:drain') {
    const input = { execution, at: this.clock.now().toISOString(), expired: [...expired] };
    return this.#step(input, (given) => recordExpiry(given, this.deps()));
  }

  /** What the daily drain does about answers that are too old, as often as it takes. */
  async expire(execution?: string): Promise<number> {
    const expired: Expiring[] = [];
    for (let each of (await this.freshness(execution)).due) {
      while (!each.isDone) each = await this.expireSome(each, execution);
      expired.push(each);
    }
    return expired.length > 0 ? (await this.recordExpiry(expired, execution)).deleted : 0;
  }

  /** From an opened run to answers that wait to be reconciled. */
  async ask(cohort: readonly number[], optedOut: ReadonlySet<number> = new Set()): Promise<readonly number[]> {
    this.cohort = cohort;
    const { parts } = await this.build();
    for (const part of parts) await this.stage(part);
    const before = this.mesh.sent.length;
    for (const part of parts) await this.send(part);
    for (const message of this.mesh.sent.slice(before)) this.answer(message, optedOut);
    this.clock.advance(300);
    return (await this.check(300)).answered;
  }

  /** A whole run, from its opening to its close. */
  async run(cohort: readonly number[], optedOut: ReadonlySet<number>, input?: object) {
    await this.open(input);
    for (const part of await this.ask(cohort, optedOut)) await this.reconcile(part);
    return this.writeAll((await this.weigh()).files);
  }

  /** From the changes to the close. */
  async writeAll(files: Awaited<ReturnType<typeof weighChanges>>['files']) {
    let written = 0;
    const incomplete = new Set<number>();
    for (const pass of ['activations', 'others'] as const) {
      for (const { part, file } of files[pass]) {
        const done = await this.write(pass, part, file);
        written += done.written;
        if (done.setAside > 0) incomplete.add(part);
      }
    }
    for (const part of incomplete) await this.correct(part);
    return this.close({ written });
  }

  /** A whole rebuild of the snapshot, from its opening to its close. */
  async rebuildAll(cohort: readonly number[], input: object = { trigger: 'console', mode: 'rebuild', reason: 'lost' }) {
    this.cohort = cohort;
    await this.open(input);
    for (const part of (await this.build()).parts) await this.rebuildWhole(part);
    const { consents } = await this.count();
    return this.close({ outcome: 'SnapshotRebuilt', consentsInStore: consents });
  }

  /**
   * What the service would send back: a notice, then the request without those who have opted out, or one sentence where
   * it does not know somebody.
   */
  answer(
    { control, body }: SentMessage,
    optedOut: ReadonlySet<number>,
    unknown: ReadonlySet<number> = new Set(),
  ): void {
    const headers = { localId: control.localId };
    this.mesh.deliver({ ...headers, subject: 'SUCCESS' }, jobNotice());
    const rows = body.toString('latin1').split('\r\n').slice(0, -1);
    if (rows.some((row) => unknown.has(Number(row.slice(0, 10))))) {
      this.mesh.deliver(
        { ...headers, subject: control.subject },
        'The file contains one or more invalid NHS Numbers. ',
      );
      return;
    }
    const kept = rows.filter((row) => !optedOut.has(Number(row.slice(0, 10))));
    this.mesh.deliver({ ...headers, subject: control.subject }, kept.map((row) => `${row}\r\n`).join(''));
  }

  /** What happens to a run that stood still for too long. */
  loseMailbox(): void {
    const expiresAt = new Date(this.clock.now().getTime() + 3_600_000).toISOString();
    this.ledger.mailbox.lease = { execution: 'arn:execution:another', runId: '20260908T020000Z-0000', expiresAt };
  }

  /** The row of a part as it stands now. */
  part(part: number) {
    return this.ledger.parts.read(this.runId, part);
  }

  #run() {
    return { runId: this.runId, execution: this.execution };
  }

  async #step<Input, Output>(input: Input, run: (input: Input) => Promise<Output>): Promise<Output> {
    const output = await run(input);
    this.history.push({ input, output });
    return output;
  }
}

async function* cohortCsv(numbers: readonly number[]): AsyncGenerator<Uint8Array> {
  yield Buffer.from('nhsNumber,patientId\n');
  for (const nhsNumber of numbers) {
    yield await Promise.resolve(Buffer.from(`${digitsOf(nhsNumber)},${patientIdOf(nhsNumber)}\n`));
  }
}

/** The same for the same person, and tells nothing of the number. */
export function patientIdOf(nhsNumber: number): string {
  return `patient-${sha256(digitsOf(nhsNumber)).slice(0, 8)}`;
}

export function jobNotice(change: object = {}): string {
  const stages = [{ stage: 'validate_non_empty_file', passed: true }];
  return JSON.stringify({ dataset_id: 'mesh_to_pos', status: 'pending', stages, ...change });
}
