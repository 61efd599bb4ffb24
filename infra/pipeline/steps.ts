import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import { Architecture, LoggingFormat, Runtime, Tracing, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { join } from 'node:path';
import { nodeOptions, writeTimeoutSeconds, type Setting } from '../../shared/contract.ts';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments/environment.ts';
import { ExportRole } from './export-role.ts';
import { ImportRole } from './import-role.ts';

const root = join(import.meta.dirname, '../..');

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
}

interface StepProps {
  readonly memorySize: number;
  readonly timeout: Duration;
  /** 512 MiB where nothing is said. */
  readonly temporaryStorage?: Size;
  readonly settings: Partial<Record<Setting, string>>;
}

/** The Lambda functions of the run, in the order of its states, and of the drain, each with the settings and the rights of its own. */
export class Steps extends Construct {
  readonly openRun: IFunction;
  readonly exportPatients: IFunction;
  readonly checkExport: IFunction;
  readonly readPatients: IFunction;
  readonly buildCohort: IFunction;
  readonly stageRequest: IFunction;
  readonly sendRequest: IFunction;
  readonly checkInbox: IFunction;
  readonly splitRequest: IFunction;
  readonly reconcilePart: IFunction;
  readonly weighChanges: IFunction;
  readonly holdForReview: IFunction;
  readonly writeImportFiles: IFunction;
  readonly startImport: IFunction;
  readonly checkImport: IFunction;
  readonly findUnimported: IFunction;
  readonly writeConsents: IFunction;
  readonly correctSnapshot: IFunction;
  readonly rebuildPart: IFunction;
  readonly countConsents: IFunction;
  readonly closeRun: IFunction;
  readonly recordFailure: IFunction;
  readonly drainMailbox: IFunction;
  readonly checkFreshness: IFunction;
  readonly expireConsents: IFunction;
  readonly recordExpiry: IFunction;

  constructor(scope: Construct, id: string, { environment, data }: StepsProps) {
    super(scope, id);
    const { mesh, cohort, replies, plausibility, fhir } = environment;
    const { bucket, ledger, meshSecret, idKey, topic, key } = data;

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
      CONSENT_BASE_URL: consentBaseUrlOf(environment),
      FHIR_NAMESPACE: fhir.namespace,
      PATIENT_REFERENCE: fhir.patientReference,
    };
    const consentAccess = { ...consentForm, ID_KEY_SECRET: idKey.secretArn };

    const openRun = this.#step('open-run', {
      memorySize: 256,
      timeout: Duration.seconds(30),
      settings: {
        ...ledgerAndLease,
        COHORT_SOURCE: cohort.source,
        CONSENT_BASE_URL: consentBaseUrlOf(environment),
        PATIENT_READ: cohort.patientRead,
      },
    });
    const exportRole = new ExportRole(this, 'ExportRole', {
      data,
      account: environment.account,
      datastoreArn: datastoreArnOf(environment, fhir.baseUrl),
    });
    const exportPatients = this.#step('export-patients', {
      memorySize: 256,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        EXPORT_KEY: key.keyArn,
        EXPORT_ROLE: exportRole.role.roleArn,
        FHIR_BASE_URL: fhir.baseUrl,
      },
    });
    const checkExport = this.#step('check-export', {
      memorySize: 512,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        EXPORT_DEADLINE_SECONDS: String(cohort.exportDeadlineSeconds),
        FHIR_BASE_URL: fhir.baseUrl,
      },
    });
    const readPatients = this.#step('read-patients', {
      // A whole processor comes with so much memory, of which it uses a little.
      memorySize: 1_792,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease, FHIR_BASE_URL: fhir.baseUrl },
    });
    const buildCohort = this.#step('build-cohort', {
      // More than a whole processor comes with so much memory. Sixty million people need 200 MB of it, and each million
      // replaced Patients 500 MB more.
      memorySize: 3_008,
      timeout: Duration.minutes(15),
      // Forty bytes for each row with a UUID, of which a nation has sixty million; 68 with the longest id.
      temporaryStorage: Size.gibibytes(6),
      settings: {
        ...files,
        LEDGER_TABLE: ledger.tableName,
        FHIR_BASE_URL: fhir.baseUrl,
        NHS_NUMBER_RANGES: cohort.nhsNumberRanges.join(','),
        PART_ROWS: String(cohort.partRows),
        PATIENT_READ: cohort.patientRead,
      },
    });
    const stageRequest = this.#step('stage-request', {
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
    const sendRequest = this.#step('send-request', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease, ...meshAccess },
    });
    const checkInbox = this.#step('check-inbox', {
      memorySize: 512,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        ...meshAccess,
        POLL_PLAN: JSON.stringify(replies.pollPlan),
        REPLY_DEADLINE_SECONDS: String(replies.deadlineSeconds),
      },
    });
    const splitRequest = this.#step('split-request', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: {
        ...ledgerAndLease,
        MAX_INVALID_NUMBERS: String(replies.maxInvalidNumbers),
        MAX_PIECES: String(replies.maxPieces),
        REPLY_DEADLINE_SECONDS: String(replies.deadlineSeconds),
      },
    });
    const reconcilePart = this.#step('reconcile-part', {
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
    const weighChanges = this.#step('weigh-changes', {
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
    const holdForReview = this.#step('hold-for-review', {
      memorySize: 256,
      timeout: Duration.seconds(30),
      settings: {
        ...ledgerAndLease,
        REVIEW_SECONDS: String(plausibility.reviewSeconds),
        TOPIC_ARN: topic.topicArn,
      },
    });
    const writeImportFiles = this.#step('write-import-files', {
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
    const consents = datastoreArnOf(environment, consentBaseUrlOf(environment));
    const importRole = new ImportRole(this, 'ImportRole', {
      data,
      account: environment.account,
      datastoreArn: consents,
    });
    const startImport = this.#step('start-import', {
      memorySize: 256,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        CONSENT_BASE_URL: consentBaseUrlOf(environment),
        IMPORT_KEY: key.keyArn,
        IMPORT_ROLE: importRole.role.roleArn,
      },
    });
    const checkImport = this.#step('check-import', {
      memorySize: 512,
      timeout: Duration.minutes(5),
      settings: {
        ...files,
        ...ledgerAndLease,
        CONSENT_BASE_URL: consentBaseUrlOf(environment),
        IMPORT_DEADLINE_SECONDS: String(fhir.importDeadlineSeconds),
      },
    });
    const findUnimported = this.#step('find-unimported', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease },
    });
    const writeConsents = this.#step('write-consents', {
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
    const correctSnapshot = this.#step('correct-snapshot', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease },
    });
    const rebuildPart = this.#step('rebuild-part', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease, ...consentAccess },
    });
    const countConsents = this.#step('count-consents', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: { CONSENT_BASE_URL: consentBaseUrlOf(environment), FHIR_NAMESPACE: fhir.namespace },
    });
    const closeRun = this.#step('close-run', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: {
        ...files,
        ...ledgerAndLease,
        CONSENT_BASE_URL: consentBaseUrlOf(environment),
        FHIR_NAMESPACE: fhir.namespace,
        MAX_AGE_DAYS: String(fhir.maxAgeDays),
        TOPIC_ARN: topic.topicArn,
      },
    });
    const recordFailure = this.#step('record-failure', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: { ...files, LEDGER_TABLE: ledger.tableName, MAILBOX: mesh.mailbox, TOPIC_ARN: topic.topicArn },
    });

    const drainMailbox = this.#step('drain-mailbox', {
      memorySize: 512,
      timeout: Duration.minutes(15),
      settings: { ...files, ...ledgerAndLease, ...meshAccess, LEASE_SECONDS: String(drainLeaseSeconds) },
    });
    const expiry = {
      ...files,
      ...ledgerAndLease,
      CONSENT_BASE_URL: consentBaseUrlOf(environment),
      LEASE_SECONDS: String(drainLeaseSeconds),
      MAX_AGE_DAYS: String(fhir.maxAgeDays),
      RETENTION_DAYS: String(fhir.retentionDays),
    };
    const checkFreshness = this.#step('check-freshness', {
      memorySize: 256,
      timeout: Duration.minutes(1),
      settings: { ...expiry, TOPIC_ARN: topic.topicArn },
    });
    const expireConsents = this.#step('expire-consents', {
      memorySize: 512,
      timeout: Duration.seconds(writeTimeoutSeconds),
      settings: {
        ...expiry,
        BUNDLE_CALLS: String(fhir.bundleCalls),
        FHIR_NAMESPACE: fhir.namespace,
        ID_KEY_SECRET: idKey.secretArn,
      },
    });
    const recordExpiry = this.#step('record-expiry', {
      // A whole processor comes with so much memory: it reads every stretch that has expired, a nation's where no run came.
      memorySize: 1_792,
      timeout: Duration.minutes(15),
      settings: { ...expiry, FHIR_NAMESPACE: fhir.namespace, TOPIC_ARN: topic.topicArn },
    });

    const all = [
      openRun,
      exportPatients,
      checkExport,
      readPatients,
      buildCohort,
      stageRequest,
      sendRequest,
      checkInbox,
      splitRequest,
      reconcilePart,
      weighChanges,
      holdForReview,
      writeImportFiles,
      startImport,
      checkImport,
      findUnimported,
      writeConsents,
      correctSnapshot,
      rebuildPart,
      closeRun,
      recordFailure,
      drainMailbox,
      checkFreshness,
      expireConsents,
      recordExpiry,
    ];
    for (const step of all) ledger.grantReadWriteData(step);

    for (const prefix of ['cohorts/*', 'snapshots/*']) bucket.grantRead(buildCohort, prefix);
    bucket.grantRead(readPatients, 'exports/*');
    // It lists what an export has left, and reads none of it.
    checkExport.addToRolePolicy(
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [bucket.bucketArn],
        conditions: { StringLike: { 's3:prefix': 'exports/*' } },
      }),
    );
    const writers = [
      checkExport,
      readPatients,
      buildCohort,
      stageRequest,
      reconcilePart,
      findUnimported,
      writeConsents,
      correctSnapshot,
      closeRun,
    ];
    for (const step of [...writers, recordFailure]) {
      bucket.grantReadWrite(step, 'runs/*');
    }
    for (const step of [sendRequest, writeImportFiles, rebuildPart, expireConsents]) bucket.grantRead(step, 'runs/*');
    bucket.grantRead(expireConsents, 'snapshots/*');
    bucket.grantReadWrite(writeImportFiles, 'imports/*/input/*');
    bucket.grantRead(checkImport, 'imports/*/output/*');
    for (const step of [sendRequest, checkInbox, drainMailbox]) bucket.grantReadWrite(step, 'inbox/*');
    bucket.grantRead(reconcilePart, 'inbox/*');
    for (const step of [reconcilePart, correctSnapshot, rebuildPart, closeRun, checkFreshness, recordExpiry])
      bucket.grantReadWrite(step, 'snapshots/*');

    for (const step of [sendRequest, checkInbox, drainMailbox]) grantSecret(step, meshSecret, key);
    for (const step of [writeImportFiles, writeConsents, rebuildPart, expireConsents]) grantSecret(step, idKey, key);
    for (const step of [holdForReview, closeRun, recordFailure, checkFreshness, recordExpiry]) {
      topic.grantPublish(step);
      key.grantEncryptDecrypt(step);
    }
    exportRole.grantPass(exportPatients);
    importRole.grantPass(startImport);
    const patients = datastoreArnOf(environment, fhir.baseUrl);
    grantStore(exportPatients, patients, ['StartFHIRExportJobWithPost', 'ListFHIRExportJobs']);
    grantStore(checkExport, patients, ['DescribeFHIRExportJobWithGet']);
    grantStore(buildCohort, patients, ['SearchWithPost', 'SearchWithGet']);
    for (const step of [openRun, checkFreshness]) grantStore(step, consents, ['ListFHIRImportJobs']);
    grantStore(startImport, consents, ['StartFHIRImportJob']);
    grantStore(checkImport, consents, ['DescribeFHIRImportJob']);
    grantStore(rebuildPart, consents, ['ProcessBundle', 'ReadResource']);
    grantStore(countConsents, consents, ['SearchWithPost']);
    for (const step of [closeRun, recordExpiry]) grantStore(step, consents, ['CreateResource']);
    grantStore(closeRun, consents, ['SearchWithPost']);
    grantStore(expireConsents, consents, ['ProcessBundle', 'ReadResource', 'DeleteResource']);
    grantStore(writeConsents, consents, [
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

  /** One function from `functions/<folder>/handler.ts`. */
  #step(folder: string, { memorySize, timeout, temporaryStorage, settings }: StepProps): NodejsFunction {
    const id = folder.replace(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase());
    return new NodejsFunction(this, id, {
      entry: join(root, 'functions', folder, 'handler.ts'),
      projectRoot: root,
      depsLockFilePath: join(root, 'package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize,
      timeout,
      ...(temporaryStorage ? { ephemeralStorageSize: temporaryStorage } : {}),
      tracing: Tracing.ACTIVE,
      loggingFormat: LoggingFormat.JSON,
      logGroup: new LogGroup(this, `${id}Log`, {
        retention: RetentionDays.THREE_MONTHS,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      environment: {
        NODE_OPTIONS: nodeOptions.join(' '),
        POWERTOOLS_SERVICE_NAME: folder,
        ...settings,
      },
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        mainFields: ['module', 'main'],
        bundleAwsSDK: true,
        keepNames: true,
        minify: true,
        sourceMap: true,
        sourcesContent: false,
        banner: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
      },
    });
  }
}

/** `Secret.grantRead` would name the step in the key's own policy, and so tie the data stack to this one. */
function grantSecret(step: NodejsFunction, secret: Secret, key: IKey): void {
  step.addToRolePolicy(
    new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] }),
  );
  key.grantDecrypt(step);
}

/** Where the Consents live: beside the Patients unless a store of their own is named. */
function consentBaseUrlOf({ fhir }: Environment): string {
  return fhir.consentBaseUrl ?? fhir.baseUrl;
}

/** Rights on a FHIR store. */
function grantStore(step: NodejsFunction, datastoreArn: string, actions: readonly string[]): void {
  step.addToRolePolicy(
    new PolicyStatement({
      actions: actions.map((action) => `healthlake:${action}`),
      resources: [datastoreArn],
    }),
  );
}

/** Built from account and id, since samples print the ARN in two forms. */
function datastoreArnOf({ account, region }: Environment, baseUrl: string): string {
  const datastoreId = /\/datastore\/([^/]+)\//.exec(baseUrl)?.[1] ?? 'local';
  return `arn:aws:healthlake:${region}:${account}:datastore/fhir/${datastoreId}`;
}
