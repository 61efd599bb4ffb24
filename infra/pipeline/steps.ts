import { Duration, Size } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { writeTimeoutSeconds } from '../../shared/contract.ts';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments/environment.ts';
import { ExportRole } from './export-role.ts';
import { ImportRole } from './import-role.ts';
import type { PipelineLogs } from './pipeline-logs.ts';
import { Rights } from './rights.ts';
import { StepFunction, type StepFunctionProps } from './step-function.ts';

/** Longer than any step takes; a step that is followed by a pause adds the pause. */
const leaseSeconds = 7_200;
/** As long as one try of the drain, so that a drain that died does not keep a run waiting. */
const drainLeaseSeconds = 960;
const changeFileRows = 50_000;
/** Files of Consents that are written at once, each by an invocation of its own. */
export const filesAtOnce = 2;

export interface StepsProps {
  readonly environment: Environment;
  readonly data: DataStack;
  readonly logs: PipelineLogs;
}

/** The Lambda functions of the run, in the order of its states, and of the drain, each with the settings and the rights of its own. */
export class Steps extends Construct {
  readonly openRun: StepFunction;
  readonly exportPatients: StepFunction;
  readonly checkExport: StepFunction;
  readonly readPatients: StepFunction;
  readonly buildCohort: StepFunction;
  readonly stageRequest: StepFunction;
  readonly sendRequest: StepFunction;
  readonly checkInbox: StepFunction;
  readonly splitRequest: StepFunction;
  readonly reconcilePart: StepFunction;
  readonly weighChanges: StepFunction;
  readonly holdForReview: StepFunction;
  readonly writeImportFiles: StepFunction;
  readonly startImport: StepFunction;
  readonly checkImport: StepFunction;
  readonly findUnimported: StepFunction;
  readonly writeConsents: StepFunction;
  readonly correctSnapshot: StepFunction;
  readonly rebuildPart: StepFunction;
  readonly countConsents: StepFunction;
  readonly closeRun: StepFunction;
  readonly recordFailure: StepFunction;
  readonly drainMailbox: StepFunction;
  readonly checkFreshness: StepFunction;
  readonly expireConsents: StepFunction;
  readonly recordExpiry: StepFunction;

  constructor(scope: Construct, id: string, { environment, data, logs }: StepsProps) {
    super(scope, id);
    const { mesh, cohort, replies, plausibility, fhir } = environment;
    const { bucket, ledger, meshSecret, idKey, topic, key, stores } = data;
    const { patients, consents } = stores;

    const ledgerAndLease = {
      LEDGER_TABLE: ledger.tableName,
      MAILBOX: mesh.mailbox,
      LEASE_SECONDS: String(leaseSeconds),
    };
    const files = { BUCKET: bucket.bucketName };
    const meshAccess = {
      MESH_BASE_URL: mesh.baseUrl,
      MESH_NETWORK: mesh.network,
      MESH_SECRET: meshSecret.secretArn,
      NDOP_MAILBOX: mesh.ndopMailbox,
    };

    /** Where the Consents live, and how they name people. */
    const consentForm = {
      CONSENT_BASE_URL: consents.baseUrl,
      FHIR_NAMESPACE: fhir.namespace,
      PATIENT_REFERENCE: fhir.patientReference,
    };
    const consentAccess = { ...consentForm, ID_KEY_SECRET: idKey.secretArn };

    const step = (folder: string, props: Omit<StepFunctionProps, 'logs'>) =>
      new StepFunction(this, folder, { ...props, logs });

    const openRun = step('open-run', {
      memorySize: 256,
      timeout: Duration.seconds(30),
      settings: {
        ...ledgerAndLease,
        COHORT_SOURCE: cohort.source,
        CONSENT_BASE_URL: consents.baseUrl,
        PATIENT_READ: cohort.patientRead,
      },
    });
    const exportRole = new ExportRole(this, 'ExportRole', {
      data,
      account: environment.account,
      datastoreArn: patients.arn,
    });
    const exportPatients = step('export-patients', {
      memorySize: 256,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        EXPORT_KEY: key.keyArn,
        EXPORT_ROLE: exportRole.role.roleArn,
        FHIR_BASE_URL: patients.baseUrl,
      },
    });
    const checkExport = step('check-export', {
      memorySize: 512,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        EXPORT_DEADLINE_SECONDS: String(cohort.exportDeadlineSeconds),
        FHIR_BASE_URL: patients.baseUrl,
      },
    });
    const readPatients = step('read-patients', {
      // A whole processor comes with so much memory, of which it uses a little.
      memorySize: 1_792,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease, FHIR_BASE_URL: patients.baseUrl },
    });
    const buildCohort = step('build-cohort', {
      // More than a whole processor comes with so much memory. Sixty million people need 200 MB of it, and each million
      // replaced Patients 500 MB more.
      memorySize: 3_008,
      timeout: Duration.minutes(15),
      // Forty bytes for each row with a UUID, of which a nation has sixty million; 68 with the longest id.
      temporaryStorage: Size.gibibytes(6),
      settings: {
        ...files,
        LEDGER_TABLE: ledger.tableName,
        FHIR_BASE_URL: patients.baseUrl,
        NHS_NUMBER_RANGES: cohort.nhsNumberRanges.join(','),
        PART_ROWS: String(cohort.partRows),
        PATIENT_READ: cohort.patientRead,
      },
    });
    const stageRequest = step('stage-request', {
      memorySize: 512,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        LEDGER_TABLE: ledger.tableName,
        LINE_ENDING: mesh.lineEnding,
        MAILBOX: mesh.mailbox,
        NDOP_MAILBOX: mesh.ndopMailbox,
      },
    });
    const sendRequest = step('send-request', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease, ...meshAccess },
    });
    const checkInbox = step('check-inbox', {
      memorySize: 512,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        ...meshAccess,
        ENVIRONMENT: environment.name,
        POLL_PLAN: JSON.stringify(replies.pollPlan),
        REPLY_DEADLINE_SECONDS: String(replies.deadlineSeconds),
      },
    });
    const splitRequest = step('split-request', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: {
        ...ledgerAndLease,
        MAX_INVALID_NUMBERS: String(replies.maxInvalidNumbers),
        MAX_PIECES: String(replies.maxPieces),
        REPLY_DEADLINE_SECONDS: String(replies.deadlineSeconds),
      },
    });
    const reconcilePart = step('reconcile-part', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: {
        ...files,
        ...consentForm,
        LEDGER_TABLE: ledger.tableName,
        CHANGE_FILE_ROWS: String(changeFileRows),
        RETENTION_DAYS: String(fhir.retentionDays),
      },
    });
    const weighChanges = step('weigh-changes', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: {
        ...ledgerAndLease,
        BULK_IMPORT_THRESHOLD: String(fhir.bulkImportThreshold),
        MAX_AGE_DAYS: String(fhir.maxAgeDays),
        MAX_CHANGE_POINTS: String(plausibility.maxChangePoints),
        MAX_DEACTIVATIONS: String(plausibility.maxDeactivations),
        MAX_OPT_OUT_PERCENT: String(plausibility.maxOptOutPercent),
        RATE_GATE_FROM: String(plausibility.rateGateFrom),
        REVIEW_SECONDS: String(plausibility.reviewSeconds),
      },
    });
    const holdForReview = step('hold-for-review', {
      memorySize: 256,
      timeout: Duration.seconds(30),
      settings: {
        ...ledgerAndLease,
        REVIEW_SECONDS: String(plausibility.reviewSeconds),
        TOPIC_ARN: topic.topicArn,
      },
    });
    const writeImportFiles = step('write-import-files', {
      // A whole processor comes with so much memory: each step makes up to half a million Consents.
      memorySize: 1_792,
      timeout: Duration.minutes(15),
      settings: {
        ...files,
        ...ledgerAndLease,
        FHIR_NAMESPACE: fhir.namespace,
        ID_KEY_SECRET: idKey.secretArn,
        ODS_CODE: fhir.odsCode,
        PATIENT_REFERENCE: fhir.patientReference,
        PROVENANCE: fhir.provenance ? 'on' : 'off',
      },
    });
    const importRole = new ImportRole(this, 'ImportRole', {
      data,
      account: environment.account,
      datastoreArn: consents.arn,
    });
    const startImport = step('start-import', {
      memorySize: 256,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        CONSENT_BASE_URL: consents.baseUrl,
        IMPORT_KEY: key.keyArn,
        IMPORT_ROLE: importRole.role.roleArn,
      },
    });
    const checkImport = step('check-import', {
      memorySize: 512,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        CONSENT_BASE_URL: consents.baseUrl,
        IMPORT_DEADLINE_SECONDS: String(fhir.importDeadlineSeconds),
      },
    });
    const findUnimported = step('find-unimported', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease },
    });
    const writeConsents = step('write-consents', {
      memorySize: 512,
      timeout: Duration.seconds(writeTimeoutSeconds),
      settings: {
        ...files,
        ...ledgerAndLease,
        ...consentAccess,
        BUNDLE_CALLS: String(Math.max(1, Math.floor(fhir.bundleCalls / filesAtOnce))),
        ODS_CODE: fhir.odsCode,
        PROVENANCE: fhir.provenance ? 'on' : 'off',
      },
    });
    const correctSnapshot = step('correct-snapshot', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease },
    });
    const rebuildPart = step('rebuild-part', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease, ...consentAccess },
    });
    const countConsents = step('count-consents', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: { CONSENT_BASE_URL: consents.baseUrl, FHIR_NAMESPACE: fhir.namespace },
    });
    const closeRun = step('close-run', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: {
        ...files,
        ...ledgerAndLease,
        CONSENT_BASE_URL: consents.baseUrl,
        ENVIRONMENT: environment.name,
        FHIR_NAMESPACE: fhir.namespace,
        MAX_AGE_DAYS: String(fhir.maxAgeDays),
        TOPIC_ARN: topic.topicArn,
      },
    });
    const recordFailure = step('record-failure', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: { ...files, LEDGER_TABLE: ledger.tableName, MAILBOX: mesh.mailbox, TOPIC_ARN: topic.topicArn },
    });

    const drainMailbox = step('drain-mailbox', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: {
        ...files,
        ...ledgerAndLease,
        ...meshAccess,
        ENVIRONMENT: environment.name,
        LEASE_SECONDS: String(drainLeaseSeconds),
      },
    });
    const expiry = {
      ...files,
      ...ledgerAndLease,
      CONSENT_BASE_URL: consents.baseUrl,
      LEASE_SECONDS: String(drainLeaseSeconds),
      MAX_AGE_DAYS: String(fhir.maxAgeDays),
      RETENTION_DAYS: String(fhir.retentionDays),
    };
    const checkFreshness = step('check-freshness', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: { ...expiry, ENVIRONMENT: environment.name, TOPIC_ARN: topic.topicArn },
    });
    const expireConsents = step('expire-consents', {
      memorySize: 512,
      timeout: Duration.seconds(writeTimeoutSeconds),
      settings: {
        ...expiry,
        BUNDLE_CALLS: String(fhir.bundleCalls),
        FHIR_NAMESPACE: fhir.namespace,
        ID_KEY_SECRET: idKey.secretArn,
      },
    });
    const recordExpiry = step('record-expiry', {
      // A whole processor comes with so much memory: it reads every stretch that has expired, a nation's where no run came.
      memorySize: 1_792,
      timeout: Duration.minutes(15),
      settings: { ...expiry, FHIR_NAMESPACE: fhir.namespace, TOPIC_ARN: topic.topicArn },
    });

    const may = new Rights(data, environment.region);
    may.ledger(openRun, 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query');
    for (const step of [exportPatients, checkExport]) may.ledger(step, 'GetItem', 'PutItem', 'UpdateItem');
    may.ledger(readPatients, 'GetItem', 'PutItem');
    may.ledger(buildCohort, 'GetItem', 'PutItem', 'UpdateItem', 'Query');
    may.ledger(stageRequest, 'GetItem', 'UpdateItem');
    may.ledger(sendRequest, 'GetItem', 'PutItem', 'UpdateItem');
    may.ledger(checkInbox, 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query');
    may.ledger(splitRequest, 'GetItem', 'PutItem', 'UpdateItem', 'Query');
    may.ledger(reconcilePart, 'GetItem', 'UpdateItem', 'Query');
    may.ledger(weighChanges, 'GetItem', 'PutItem', 'UpdateItem', 'Query');
    may.ledger(holdForReview, 'GetItem', 'PutItem', 'UpdateItem');
    may.ledger(writeImportFiles, 'GetItem', 'PutItem');
    may.ledger(startImport, 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query');
    may.ledger(checkImport, 'GetItem', 'PutItem', 'UpdateItem', 'Query');
    may.ledger(findUnimported, 'GetItem', 'PutItem');
    may.ledger(writeConsents, 'GetItem', 'PutItem', 'DeleteItem');
    for (const step of [correctSnapshot, rebuildPart]) {
      may.ledger(step, 'GetItem', 'PutItem', 'UpdateItem', 'Query');
    }
    may.ledger(closeRun, 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query');
    may.ledger(recordFailure, 'GetItem', 'UpdateItem', 'DeleteItem', 'Query');
    may.ledger(drainMailbox, 'GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query');
    may.ledger(checkFreshness, 'GetItem', 'PutItem', 'DeleteItem', 'Query');
    for (const step of [expireConsents, recordExpiry]) may.ledger(step, 'GetItem', 'PutItem', 'DeleteItem');

    // It lists what an export has left, and reads none of it.
    may.list(checkExport, 'exports/*');
    may.write(checkExport, 'runs/*/patients/*');
    may.read(readPatients, 'exports/*');
    may.writeLong(readPatients, 'runs/*/patients/*');
    may.read(buildCohort, 'cohorts/*', 'runs/*/patients/*', 'snapshots/*');
    may.write(buildCohort, 'runs/*/cohort/*');
    may.writeLong(buildCohort, 'runs/*/quarantine/*');
    may.read(stageRequest, 'runs/*/cohort/*');
    may.write(stageRequest, 'runs/*/request/*');
    may.read(sendRequest, 'runs/*/request/*');
    for (const step of [sendRequest, checkInbox, drainMailbox]) may.writeLong(step, 'inbox/*');
    may.read(reconcilePart, 'inbox/*', 'runs/*/cohort/*');
    may.write(reconcilePart, 'runs/*/changes/*', 'runs/*/quarantine/*', 'snapshots/*');
    may.read(writeImportFiles, 'runs/*/changes/*');
    may.writeLong(writeImportFiles, 'imports/*/input/*');
    may.list(checkImport, 'imports/*/output/*');
    may.read(checkImport, 'imports/*/output/*');
    may.write(findUnimported, 'runs/*/changes/*');
    may.read(writeConsents, 'runs/*/changes/*');
    may.write(writeConsents, 'runs/*/writes/*');
    may.read(correctSnapshot, 'runs/*/writes/*');
    may.write(correctSnapshot, 'snapshots/*');
    may.read(rebuildPart, 'runs/*/changes/*', 'runs/*/cohort/*');
    may.write(rebuildPart, 'snapshots/*');
    may.read(closeRun, 'runs/*/quarantine/*');
    may.write(closeRun, 'runs/*/report/*', 'snapshots/*');
    may.write(recordFailure, 'runs/*/report/*');
    may.read(expireConsents, 'runs/*/changes/*', 'snapshots/*');
    for (const step of [checkFreshness, recordExpiry]) may.write(step, 'snapshots/*');
    for (const step of [
      ...[readPatients, buildCohort, stageRequest, sendRequest, reconcilePart, writeImportFiles, findUnimported],
      ...[writeConsents, correctSnapshot, rebuildPart, closeRun, checkFreshness, expireConsents, recordExpiry],
    ]) {
      may.seeMissing(step);
    }

    for (const step of [sendRequest, checkInbox, drainMailbox]) may.secret(step, meshSecret);
    for (const step of [writeImportFiles, writeConsents, rebuildPart, expireConsents]) may.secret(step, idKey);
    for (const step of [holdForReview, closeRun, recordFailure, checkFreshness, recordExpiry]) may.notify(step);
    exportRole.grantPass(exportPatients);
    importRole.grantPass(startImport);
    may.store(exportPatients, patients, ['StartFHIRExportJobWithPost', 'ListFHIRExportJobs']);
    may.store(checkExport, patients, ['DescribeFHIRExportJobWithGet']);
    may.store(buildCohort, patients, ['SearchWithPost', 'SearchWithGet']);
    for (const step of [openRun, checkFreshness]) may.store(step, consents, ['ListFHIRImportJobs']);
    may.store(startImport, consents, ['StartFHIRImportJob']);
    may.store(checkImport, consents, ['DescribeFHIRImportJob']);
    may.store(rebuildPart, consents, ['ProcessBundle', 'ReadResource']);
    may.store(countConsents, consents, ['SearchWithPost']);
    for (const step of [closeRun, recordExpiry]) may.store(step, consents, ['CreateResource']);
    may.store(closeRun, consents, ['SearchWithPost']);
    may.store(expireConsents, consents, ['ProcessBundle', 'ReadResource', 'DeleteResource']);
    may.store(writeConsents, consents, [
      'ProcessBundle',
      'ReadResource',
      'CreateResource',
      'UpdateResource',
      'DeleteResource',
    ]);

    this.openRun = openRun;
    this.exportPatients = exportPatients;
    this.checkExport = checkExport;
    this.readPatients = readPatients;
    this.buildCohort = buildCohort;
    this.stageRequest = stageRequest;
    this.sendRequest = sendRequest;
    this.checkInbox = checkInbox;
    this.splitRequest = splitRequest;
    this.reconcilePart = reconcilePart;
    this.weighChanges = weighChanges;
    this.holdForReview = holdForReview;
    this.writeImportFiles = writeImportFiles;
    this.startImport = startImport;
    this.checkImport = checkImport;
    this.findUnimported = findUnimported;
    this.writeConsents = writeConsents;
    this.correctSnapshot = correctSnapshot;
    this.rebuildPart = rebuildPart;
    this.countConsents = countConsents;
    this.closeRun = closeRun;
    this.recordFailure = recordFailure;
    this.drainMailbox = drainMailbox;
    this.checkFreshness = checkFreshness;
    this.expireConsents = expireConsents;
    this.recordExpiry = recordExpiry;
  }
}
