/** What the deployed infrastructure and the code that runs on it agree on. */

/** Environment variables of the functions. `infra` sets them, each handler reads its own through `readConfig`. */
export const settings = [
  'BUCKET',
  'BULK_IMPORT_THRESHOLD',
  'BUNDLE_CALLS',
  'CHANGE_FILE_ROWS',
  'COHORT_SOURCE',
  'CONSENT_BASE_URL',
  'ENVIRONMENT',
  'EXPORT_DEADLINE_SECONDS',
  'EXPORT_KEY',
  'EXPORT_ROLE',
  'FHIR_BASE_URL',
  'FHIR_NAMESPACE',
  'ID_KEY_SECRET',
  'IMPORT_DEADLINE_SECONDS',
  'IMPORT_KEY',
  'IMPORT_ROLE',
  'LEASE_SECONDS',
  'LEDGER_TABLE',
  'LINE_ENDING',
  'MAILBOX',
  'MAX_AGE_DAYS',
  'MAX_CHANGE_POINTS',
  'MAX_DEACTIVATIONS',
  'MAX_INVALID_NUMBERS',
  'MAX_OPT_OUT_PERCENT',
  'MAX_PIECES',
  'MESH_BASE_URL',
  'MESH_NETWORK',
  'MESH_SECRET',
  'NDOP_MAILBOX',
  'NHS_NUMBER_RANGES',
  'NOOM_BASE_URL',
  'ODS_CODE',
  'PART_ROWS',
  'PATIENT_READ',
  'PATIENT_REFERENCE',
  'POLL_PLAN',
  'PROVENANCE',
  'RATE_GATE_FROM',
  'REPLY_DEADLINE_SECONDS',
  'RETENTION_DAYS',
  'REVIEW_SECONDS',
  'TOPIC_ARN',
] as const;

export type Setting = (typeof settings)[number];

/** The one MESH workflow of the Check for National Data Opt-outs Service: request, job notice and answer alike. */
export const ndopWorkflow = 'SPINE_NTT_UPHOLDING';

/** How long one invocation that writes Consents may last. */
export const writeTimeoutSeconds = 900;

/** Partition and sort key of the ledger table, and the attribute that DynamoDB expires items by. */
export const ledgerKeys = { partition: 'pk', sort: 'sk', expiry: 'expiresAtSeconds' } as const;

/**
 * How Node runs the functions. Buffers of messages that stream through are let go of by the small collections of young
 * objects, and those come often enough only where the space for such objects is small.
 */
export const nodeOptions = ['--enable-source-maps', '--max-semi-space-size=4'] as const;

/** Where CloudWatch keeps our metrics; beside the name of the environment they have this one dimension more. */
export const metricNamespace = 'ndop';
export const metricService = 'ndop';

/** What the functions publish, and alarms and dashboard read, with CloudWatch's unit of each: counts and ages, never a person. */
export const metrics = [
  ['ConsentsActivated', 'Count'],
  ['ConsentsDeactivated', 'Count'],
  ['ConsentsWritten', 'Count'],
  ['ConsentWriteFailures', 'Count'],
  ['DaysSinceLastSuccess', 'None'],
  ['MeshCertDaysToExpiry', 'None'],
  ['OldestAnswerAgeDays', 'None'],
  ['OptOutRatePct', 'Percent'],
  ['PartsUnreconciled', 'Count'],
  ['PeopleAnswered', 'Count'],
  ['ReplyWaitSeconds', 'Seconds'],
  ['RowsQuarantined', 'Count'],
  ['RunMarkerFailures', 'Count'],
  ['StretchesExpired', 'Count'],
] as const;

export type MetricName = (typeof metrics)[number][0];
