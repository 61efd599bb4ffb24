/**
 * Every error name that a step can end with. Lambda reports `error.name` and the state machine matches that text in its
 * Retry and Catch, so the names stand here once, as data, for both sides.
 */
export const retryable = [
  'AwsUnavailable',
  'HealthLakeThrottled',
  'HealthLakeUnavailable',
  'MailboxBusy',
  'MeshConnectionLost',
  'MeshThrottled',
  'MeshTimedOut',
  'MeshUnavailable',
  'WritesUnderWay',
] as const;

export const permanent = [
  // What a person configured, asked for or supplied
  'ConfigurationInvalid',
  'StateInputInvalid',
  'RunUnknown',
  'RunUnfinished',
  'AnswersExpired',
  'CohortEmptied',
  'CohortMissing',
  'CohortUnreadable',
  'CohortColumnMissing',
  'TemporaryStorageFull',
  // Who may act
  'LeaseLost',
  // MESH
  'MeshAuthenticationRefused',
  'MeshBodyDamaged',
  'MeshCertificateRefused',
  'MeshMailboxDisabled',
  'MeshMessageGone',
  'MeshMessageUnknown',
  'MeshRecipientUnknown',
  'MeshRequestRefused',
  'MeshServerUntrusted',
  'MeshUploadComplete',
  // What came back, or did not
  'ReplyOverdue',
  'RequestRejected',
  'RequestUndelivered',
  'SplitExhausted',
  'JobRefused',
  'RepliesConflict',
  'ReplyUnrecognised',
  'ReplyHasStrangers',
  'ReplyMalformed',
  'ReplyTruncated',
  // The operator's verdict
  'ReviewRejected',
  'ReviewOverdue',
  // Our own files and ledger
  'FileAltered',
  'FileMissing',
  'LedgerInconsistent',
  'SnapshotInconsistent',
  'SnapshotMissing',
  'SnapshotSuperseded',
  // The FHIR store
  'HealthLakeForbidden',
  'HealthLakeRefused',
  'HealthLakeStoreUnknown',
  'ConsentWritesRefused',
  'ConsentImportFailed',
  'ConsentImportOverdue',
  'PatientUnreadable',
  'PatientExportFailed',
  'PatientExportIncomplete',
  'PatientExportOverdue',
  'PatientExportUnreadable',
  // A defect of ours
  'UnexpectedError',
] as const;

/** MESH is away or busy. */
export const meshOutages = retryable.filter((name) => name.startsWith('Mesh'));

/** The FHIR store is away or busy. */
export const fhirStoreOutages = retryable.filter((name) => name.startsWith('HealthLake'));

export type RetryableName = (typeof retryable)[number];
export type PermanentName = (typeof permanent)[number];

/** The other side was busy, slow or not ready: the same input may succeed later. */
export class RetryableError extends Error {
  override readonly name: RetryableName;

  constructor(name: RetryableName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
  }
}

/** The same input fails the same way: stop, record it, tell a person. Messages hold counts and keys, never a person. */
export class PermanentError extends Error {
  override readonly name: PermanentName;

  constructor(name: PermanentName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
  }
}

export function isPermanentName(name: string): name is PermanentName {
  return permanent.some((known) => known === name);
}
