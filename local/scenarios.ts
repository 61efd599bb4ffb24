import type { Setting } from '../shared/contract.ts';
import type { Fault as FhirStoreFault } from './healthlake/faults.ts';
import type { Fault } from './mesh/faults.ts';
import type { NdopBehaviour } from './ndop/ndop.ts';
import type { Mishap } from './runner/mishaps.ts';

/** One execution of the state machine, and how the national service behaves meanwhile. */
export interface ScenarioRun {
  readonly behaviour?: NdopBehaviour;
  /** What happens to one of the parts instead. */
  readonly exception?: { readonly part: number; readonly behaviour: NdopBehaviour };
  readonly mode?: 'refresh' | 'dry-run' | 'resume' | 'rebuild';
  /** A dry run over the scenario's first run, whose answers it weighs, instead of one of its own. */
  readonly isOverFirstRun?: boolean;
  /** The cohort comes from a CSV file in the bucket instead of the FHIR store's Patients. */
  readonly cohortFromCsv?: boolean;
  /** So many people are no longer in that file. */
  readonly leavers?: number;
  /** Starts while the one before is still under way. */
  readonly isConcurrent?: boolean;
  /** Starts as the schedule does, for the same moment as every other scheduled run of the scenario. */
  readonly isScheduled?: boolean;
  /** Execution input that is not as it should be. */
  readonly isInputInvalid?: boolean;
  /** Everybody's Consent is written anew. */
  readonly isRewrite?: boolean;
  /** So many batches in which the FHIR store refuses the first entry, a write or a read, for good. */
  readonly refusedEntries?: number;
  /** Before it starts, so many days have gone by since the answers that the snapshot rests on. */
  readonly agedDays?: number;
  /** Before it starts, the files of the snapshot and the pointer to it are lost. */
  readonly isSnapshotLost?: boolean;
  /** Before it starts, the run before is on record as writing still, although it has closed. */
  readonly isEndForgotten?: boolean;
  /** What goes wrong around its steps. */
  readonly mishaps?: readonly Mishap[];
  /** What goes wrong with the FHIR store meanwhile. */
  readonly fhirStoreFaults?: readonly FhirStoreFault[];
  readonly review?: 'approve' | 'reject' | 'none';
  /** What goes wrong with MESH meanwhile. */
  readonly meshFaults?: readonly Fault[];
  /** NHS England has switched our mailbox off. */
  readonly isMailboxDisabled?: boolean;
  /** The daily drain of the mailbox instead of a run. */
  readonly isDrain?: boolean;
  /** The answer comes once the run has ended. */
  readonly isAnsweredLate?: boolean;
  /** Starts once a reply waits in our inbox. */
  readonly awaitsReply?: boolean;
}

export interface Scenario {
  /** What happens, in a sentence. */
  readonly tells: string;
  readonly runs: readonly ScenarioRun[];
  /** Settings of the functions in place of the environment's. */
  readonly settings?: Partial<Record<Setting, string>>;
  /** From the request to the answer, in milliseconds. */
  readonly answerAfterMilliseconds?: number;
  /** So many people of the cohort whose numbers the national service takes for invalid. */
  readonly unknownPeople?: number;
  /** Some Patients have further numbers, or records that were merged; a choice stands under the superseded ones alone. */
  readonly hasMergedRecords?: boolean;
  /** So many further Patients have no NHS number. */
  readonly numberless?: number;
  /** The Consents live in a data store of their own, beside that of the Patients. */
  readonly hasSeparateStore?: boolean;
  /** MESH is reached by mutual TLS, as it is in production. */
  readonly isMutualTls?: boolean;
  /** Preferences are stated over the NOOM API once the runs are over. */
  readonly hasPreferences?: boolean;
  /** How much of a Wait state is waited: 0.0005 makes five minutes 0.15 seconds. */
  readonly waitScale?: number;
}

/** The first batch after the activations, and the Provenance of those, cannot be read. */
const stoppedWhileWriting: ScenarioRun = {
  behaviour: 'happy',
  fhirStoreFaults: [{ kind: 'entry-refuse', times: 1, entry: 0, after: 4 }],
};

const losing = (before: string, of: string): Pick<ScenarioRun, 'mishaps'> => ({
  mishaps: [{ before, kind: 'files-lost', of }],
});

const busy = (...steps: readonly string[]): Mishap[] => steps.map((before) => ({ before, kind: 's3-busy' }));

const longMessage = (before: string): Mishap[] => [{ before, kind: 'large-message' }, ...busy(before)];

const one = (behaviour: NdopBehaviour): Pick<Scenario, 'runs'> => ({ runs: [{ behaviour }] });

/** From a store of their own, the Consents can refer to people by their number alone. */
const separateStore: Pick<Scenario, 'hasSeparateStore' | 'settings'> = {
  hasSeparateStore: true,
  settings: { PATIENT_REFERENCE: 'logical' },
};

/** Two Consents in a hundred, by import and by batch. */
const refusingSome: Pick<ScenarioRun, 'fhirStoreFaults'> = {
  fhirStoreFaults: [{ kind: 'entry-refuse', share: 0.02 }],
};

const byImport: Pick<Scenario, 'settings'> = { settings: { BULK_IMPORT_THRESHOLD: '1' } };

export const scenarios = {
  happy: { tells: 'Job notice, then the answer.', ...one('happy') },
  noom: {
    tells: 'Job notice, then the answer; then preferences are stated, found and taken back over the NOOM API.',
    ...one('happy'),
    hasPreferences: true,
  },
  'slow-reply': { tells: 'The answer takes many looks at the inbox.', ...one('happy'), answerAfterMilliseconds: 3_000 },
  'notice-after-answer': { tells: 'The job notice comes after the answer.', ...one('notice-after-answer') },
  'no-notice': { tells: 'The answer comes without a job notice.', ...one('no-notice') },
  'shuffled-answer': { tells: 'The answer comes in another order and form.', ...one('shuffled-answer') },
  'duplicate-answer': { tells: 'The same answer comes twice.', ...one('duplicate-answer') },
  'conflicting-answers': { tells: 'Two different answers come for one request.', ...one('conflicting-answers') },
  'invalid-number': {
    tells: 'The service rejects the request for three invalid NHS numbers: it is split until they are found.',
    ...one('happy'),
    unknownPeople: 3,
  },
  'everything-rejected': {
    tells: 'The service rejects whatever it is sent: splitting gives up.',
    ...one('rejects-everything'),
    settings: { MAX_INVALID_NUMBERS: '4' },
  },
  'empty-answer': { tells: 'The answer has no bytes at all: held for review.', ...one('empty-answer') },
  'everyone-opted-out': { tells: 'The answer is one line end: held for review.', ...one('everyone-opted-out') },
  'held-and-approved': {
    tells: 'Everybody is opted out, and the reviewer approves.',
    runs: [{ behaviour: 'everyone-opted-out', review: 'approve' }],
  },
  'review-overdue': {
    tells: 'The run is held, and nobody looks at it in time.',
    runs: [{ behaviour: 'empty-answer', review: 'none' }],
    settings: { REVIEW_SECONDS: '2' },
  },
  'stranger-in-answer': { tells: 'The answer names somebody who was not asked about.', ...one('stranger-in-answer') },
  'truncated-answer': { tells: 'The answer is cut off in the middle of a line.', ...one('truncated-answer') },
  'malformed-answer': { tells: 'A line of the answer is junk.', ...one('malformed-answer') },
  'job-refused': { tells: 'The service refuses the upload.', ...one('job-refused') },
  undelivered: { tells: 'MESH reports that the request was not delivered.', ...one('undelivered') },
  'no-answer': {
    tells: 'Nothing but the job notice comes within five days.',
    ...one('no-answer'),
    // Five days of looks at the inbox in some seconds.
    waitScale: 0.000_01,
  },
  'one-part-refused': {
    tells: 'One of three parts gets an answer with a stranger in it: the others are applied all the same.',
    runs: [{ behaviour: 'happy', exception: { part: 2, behaviour: 'stranger-in-answer' } }],
    settings: { PART_ROWS: '250' },
  },
  'one-part-resumed': {
    tells: 'One of three parts is not delivered; a resume asks for it alone.',
    runs: [
      { behaviour: 'happy', exception: { part: 2, behaviour: 'undelivered' } },
      { behaviour: 'happy', mode: 'resume' },
    ],
    settings: { PART_ROWS: '250' },
  },
  'foreign-messages': { tells: 'Messages that are not ours wait in the inbox too.', ...one('foreign-messages') },
  'mutual-tls': { tells: 'MESH is reached over HTTPS with client certificates.', ...one('happy'), isMutualTls: true },
  'certificate-refused': {
    tells: 'MESH no longer accepts our client certificate; once it does, a resume completes.',
    runs: [
      { behaviour: 'happy', meshFaults: [{ kind: 'refuse-certificate', times: 1000 }] },
      { behaviour: 'happy', mode: 'resume' },
    ],
    isMutualTls: true,
  },
  'mailbox-disabled': {
    tells: 'Our mailbox is switched off; once it is on again, a resume completes.',
    runs: [
      { behaviour: 'happy', isMailboxDisabled: true },
      { behaviour: 'happy', mode: 'resume' },
    ],
  },
  'mesh-outage': {
    tells: 'MESH answers nothing but errors while the reply is waited for: the run waits on.',
    runs: [
      {
        behaviour: 'happy',
        meshFaults: [{ kind: 'status', status: 503, body: 'xml', operation: 'list', after: 1, times: 24 }],
      },
    ],
  },
  'send-answer-lost': {
    tells: 'MESH takes the request and its answer is lost: tracking finds it, and it is not sent twice.',
    runs: [{ behaviour: 'happy', meshFaults: [{ kind: 'reset-after', operation: 'send', times: 1 }] }],
  },
  'damaged-answer': {
    tells: 'The answer is no gzip although it says so: it is kept as it came; a resume asks again.',
    runs: [
      // The notice comes first; the answer is fetched a second time, as it travels.
      { behaviour: 'happy', meshFaults: [{ kind: 'corrupt-gzip', operation: 'download', after: 1, times: 2 }] },
      { behaviour: 'happy', mode: 'resume' },
    ],
  },
  'late-answer': {
    tells: 'The answer comes after the deadline: the daily drain takes it in, and a resume uses it.',
    runs: [{ behaviour: 'happy', isAnsweredLate: true }, { isDrain: true, awaitsReply: true }, { mode: 'resume' }],
    settings: { REPLY_DEADLINE_SECONDS: '900' },
  },
  'late-answer-resumed': {
    tells: 'The answer comes after the deadline and waits: a resume looks before it asks again.',
    runs: [
      { behaviour: 'happy', isAnsweredLate: true },
      { mode: 'resume', awaitsReply: true },
    ],
    settings: { REPLY_DEADLINE_SECONDS: '900' },
  },
  resume: {
    tells: 'The request is not delivered; a resume sends it again and completes.',
    runs: [{ behaviour: 'undelivered' }, { behaviour: 'happy', mode: 'resume' }],
  },
  'write-refused': {
    tells: 'The FHIR store refuses the Consents that have changed: they are set aside, and a resume writes them.',
    runs: [
      { behaviour: 'happy', fhirStoreFaults: [{ kind: 'entry-refuse', share: 1 }] },
      { behaviour: 'happy', mode: 'resume' },
    ],
  },
  'write-stopped': {
    tells: 'A run stops after its activations; no other run may start over it; a resume writes the rest.',
    runs: [stoppedWhileWriting, { behaviour: 'happy' }, { behaviour: 'happy', mode: 'resume' }],
  },
  rewrite: {
    tells: 'A run looks at the Consents of everybody, and writes those that are not as they should be.',
    runs: [{ behaviour: 'happy', isRewrite: true }],
  },
  'snapshot-lost': {
    tells:
      'The snapshot and the pointer to it are lost: a rebuild reads them back from the Consents, and the next run goes on.',
    runs: [{ mode: 'rebuild', isSnapshotLost: true }, { behaviour: 'happy' }],
  },
  'write-stopped-rebuilt': {
    tells: 'A run stops after its activations; a rebuild says what the store holds, and the next run writes the rest.',
    runs: [stoppedWhileWriting, { mode: 'rebuild' }, { behaviour: 'happy' }],
  },
  'rebuild-resumed': {
    tells:
      'A Consent cannot be read while the snapshot is rebuilt; a resume goes on, and the next run writes what has changed.',
    runs: [{ mode: 'rebuild', isSnapshotLost: true, refusedEntries: 1 }, { mode: 'resume' }, { behaviour: 'happy' }],
  },
  expired: {
    tells:
      'No run for 22 days: the daily drain deletes every Consent that says "not opted out", and the next run writes them.',
    runs: [{ behaviour: 'happy' }, { isDrain: true, agedDays: 22 }, { behaviour: 'happy' }],
  },
  'expired-without-mesh': {
    tells: 'The same, and MESH has switched our mailbox off: the drain deletes all the same, and fails then.',
    runs: [{ behaviour: 'happy' }, { isDrain: true, agedDays: 22, isMailboxDisabled: true }, { isDrain: true }],
  },
  'expired-in-part': {
    tells:
      'One of three parts has had no answer for 22 days: the daily drain deletes its Consents that say "not opted out", and marks the store for the others.',
    runs: [
      { behaviour: 'happy' },
      { behaviour: 'happy', exception: { part: 2, behaviour: 'undelivered' }, agedDays: 22 },
      { isDrain: true },
    ],
    settings: { PART_ROWS: '250' },
  },
  'expired-unfinished': {
    tells: 'A run stops while it writes, and nobody resumes it for 22 days: the drain deletes what it wrote about too.',
    runs: [
      { behaviour: 'happy' },
      {
        behaviour: 'happy',
        isRewrite: true,
        fhirStoreFaults: [{ kind: 'entry-refuse', times: 1, entry: 0, after: 2 }],
      },
      { isDrain: true, agedDays: 22 },
    ],
  },
  'end-forgotten': {
    tells: 'A run has closed and stopped before it could say so: the next one says it, and goes on.',
    runs: [{ behaviour: 'happy' }, { behaviour: 'happy', isEndForgotten: true }],
  },
  'files-lost': {
    tells: 'At one step after another the file that it reads is lost: the run says which, and goes on once it is back.',
    runs: [
      { behaviour: 'happy', ...losing('read-patients', 'exports/') },
      { behaviour: 'happy', mode: 'resume', ...losing('build-cohort', '/patients/') },
      { behaviour: 'happy', mode: 'resume', ...losing('stage-request', '/cohort/') },
      { behaviour: 'happy', mode: 'resume', ...losing('send-request', '/request/') },
      { behaviour: 'happy', mode: 'resume', ...losing('reconcile-part', '/cohort/') },
      { behaviour: 'happy', mode: 'resume', ...losing('write-consents', '/changes/') },
      { behaviour: 'happy', mode: 'resume', ...losing('write-import-files', '/changes/') },
      { mode: 'resume', ...refusingSome, ...losing('find-unimported', '/changes/') },
      { mode: 'resume', ...refusingSome, ...losing('correct-snapshot', '/writes/') },
      { mode: 'resume' },
    ],
    ...byImport,
  },
  'snapshot-files-lost': {
    tells: 'Files of the snapshot, or of a rebuild, are lost for a while: run, rebuild and drain say which.',
    runs: [
      { behaviour: 'happy' },
      { behaviour: 'happy', ...losing('close-run', 'snapshots/') },
      { mode: 'rebuild', ...losing('rebuild-part', '/cohort/') },
      { isDrain: true, ...losing('check-freshness', 'snapshots/') },
      { isDrain: true, agedDays: 22, ...losing('expire-consents', 'snapshots/') },
      { isDrain: true, ...losing('record-expiry', 'snapshots/') },
      { isDrain: true },
    ],
  },
  'large-files': {
    tells: 'S3 is busy when files of more than 5 MB are complete: each is given up, and written by the next try.',
    runs: [
      {
        behaviour: 'happy',
        mishaps: [
          ...busy('read-patients', 'build-cohort', 'write-import-files'),
          ...longMessage('send-request'),
          ...longMessage('check-inbox'),
        ],
      },
      { isDrain: true, mishaps: longMessage('drain-mailbox') },
    ],
    ...byImport,
    numberless: 80_000,
  },
  'mailbox-taken': {
    tells:
      'A stray message waits, and another run has the mailbox when a rejected request is to be split; a resume completes it.',
    runs: [
      {
        behaviour: 'happy',
        mishaps: [
          // Found straight after the request is sent, for certain: else it depends on how fast the notice comes.
          { before: 'send-request', kind: 'small-message' },
          { before: 'split-request', kind: 'mailbox-taken' },
        ],
      },
      { behaviour: 'happy', mode: 'resume' },
    ],
    unknownPeople: 1,
  },
  'dry-run': { tells: 'Cohort and request files are made; nothing is sent.', runs: [{ mode: 'dry-run' }] },
  'dry-run-over-answers': {
    tells: 'A held run is rejected; a dry run over it says what its answers would change.',
    runs: [{ behaviour: 'everyone-opted-out' }, { mode: 'dry-run', isOverFirstRun: true }],
  },
  'dry-run-without-answers': {
    tells: 'A dry run over a run that got no answer has nothing to say, and asks nobody.',
    runs: [{ behaviour: 'undelivered' }, { mode: 'dry-run', isOverFirstRun: true }],
  },
  'two-runs-at-once': {
    tells: 'A second run starts while the first waits for its answer: it stands back.',
    runs: [{ behaviour: 'happy' }, { isConcurrent: true }],
  },
  'scheduled-twice': {
    tells: 'The schedule fires twice for one moment: the second is a duplicate.',
    runs: [{ behaviour: 'happy', isScheduled: true }, { isScheduled: true }],
  },
  'cohort-from-csv': {
    tells: 'The cohort is a CSV file in the bucket.',
    runs: [{ behaviour: 'happy', cohortFromCsv: true }],
  },
  'left-cohort': {
    tells: 'Twenty people are no longer in the CSV file: the Consents of those who are not opted out are deleted.',
    runs: [
      { behaviour: 'happy', cohortFromCsv: true },
      { behaviour: 'happy', cohortFromCsv: true, leavers: 20 },
    ],
  },
  'invalid-input': { tells: 'The execution input is not valid.', runs: [{ isInputInvalid: true }] },
  'bulk-import': {
    tells: 'More changes than batches should write: an import writes those that withhold nobody.',
    ...one('happy'),
    ...byImport,
  },
  'import-with-errors': {
    tells:
      'The FHIR store refuses a few Consents, by import and by batch: they are set aside, and a resume writes them.',
    runs: [
      { behaviour: 'happy', fhirStoreFaults: [{ kind: 'entry-refuse', share: 0.02 }] },
      { behaviour: 'happy', mode: 'resume' },
    ],
    ...byImport,
  },
  'import-doubtful': {
    tells: 'The import says that it has errors and names none: batches look at everything that it was given.',
    runs: [
      { behaviour: 'happy', fhirStoreFaults: [{ kind: 'import-end', status: 'COMPLETED_WITH_ERRORS', times: 1 }] },
    ],
    ...byImport,
  },
  'import-failed': {
    tells: 'The import fails half-way: batches look at everything that it was given, and write what is missing.',
    runs: [
      {
        behaviour: 'happy',
        fhirStoreFaults: [{ kind: 'import-end', status: 'FAILED', times: 1, afterLines: 100 }],
      },
    ],
    ...byImport,
  },
  'import-refused': {
    tells: 'The import takes nothing; no other run may start over it; a resume starts another and completes.',
    runs: [
      {
        behaviour: 'happy',
        fhirStoreFaults: [{ kind: 'import-end', status: 'FAILED', times: 1, afterLines: 0 }],
      },
      { behaviour: 'happy' },
      { behaviour: 'happy', mode: 'resume' },
    ],
    ...byImport,
  },
  'import-aborted': {
    tells:
      'A run is stopped while its import is under way: drain and rebuild ask HealthLake whether it is, and the next run goes on.',
    runs: [
      { behaviour: 'happy', mishaps: [{ before: 'check-import', kind: 'stopped' }] },
      { isDrain: true },
      { mode: 'rebuild' },
      { behaviour: 'happy' },
    ],
    ...byImport,
  },
  'import-answer-lost': {
    tells: 'HealthLake is busy, then starts the import and its answer is lost: a repeat finds the same job.',
    runs: [
      {
        behaviour: 'happy',
        fhirStoreFaults: [
          { kind: 'throttle', on: 'import', times: 2 },
          { kind: 'answer-lost', on: 'import', times: 1 },
        ],
      },
    ],
    ...byImport,
  },
  'patients-by-search': {
    tells: 'The Patients are read by search instead of an export.',
    ...one('happy'),
    settings: { PATIENT_READ: 'search' },
  },
  'merged-records': {
    tells: 'Two people have opted out under numbers that were superseded when records were merged.',
    ...one('happy'),
    hasMergedRecords: true,
  },
  'separate-store': {
    tells: 'The Consents live in a data store of their own and name people by their NHS number.',
    ...one('happy'),
    ...separateStore,
  },
  'separate-store-refused': {
    tells: 'The store of the Patients fails to export, then that of the Consents refuses one: resumes complete it.',
    runs: [
      { behaviour: 'happy', fhirStoreFaults: [{ kind: 'export-end', status: 'FAILED', times: 1 }] },
      { behaviour: 'happy', mode: 'resume', refusedEntries: 1 },
      { behaviour: 'happy', mode: 'resume' },
    ],
    ...separateStore,
  },
  'separate-store-rebuilt': {
    tells: 'The snapshot is lost where the Consents have a store of their own: a rebuild reads them there.',
    runs: [{ mode: 'rebuild', isSnapshotLost: true }, { behaviour: 'happy' }],
    ...separateStore,
  },
  'export-failed': {
    tells: 'The export of the Patients fails; a resume starts another and completes.',
    runs: [
      { behaviour: 'happy', fhirStoreFaults: [{ kind: 'export-end', status: 'FAILED', times: 1 }] },
      { behaviour: 'happy', mode: 'resume' },
    ],
  },
  'export-with-errors': {
    tells: 'The export of the Patients ends with errors: half a cohort is none.',
    runs: [
      { behaviour: 'happy', fhirStoreFaults: [{ kind: 'export-end', status: 'COMPLETED_WITH_ERRORS', times: 1 }] },
    ],
  },
  'export-answer-lost': {
    tells: 'HealthLake is busy, then starts the export and its answer is lost: the job is found by its name.',
    runs: [
      {
        behaviour: 'happy',
        fhirStoreFaults: [
          { kind: 'throttle-in-400', on: 'export', times: 2 },
          { kind: 'answer-lost', on: 'export', times: 1 },
        ],
      },
    ],
  },
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;

export const scenarioNames = Object.keys(scenarios).filter((name): name is ScenarioName => name in scenarios);
