/** What an estimate is made for. */
export interface Scenario {
  readonly patients: number;
  /** Shares, not percents. */
  readonly optOutRate: number;
  /** Share of the people whose Consent one run changes. */
  readonly changeRate: number;
  readonly partRows: number;
  readonly everyDays: number;
  /** Where the cohort comes from: a CSV file in S3, or the FHIR store by search or by export. */
  readonly source: 'csv' | 'search' | 'export';
  readonly replySeconds: number;
  /** How long the FHIR store takes for its export; counts where the cohort comes so. */
  readonly exportSeconds: number;
  /** How long it takes for an import, where somebody knows. */
  readonly importSeconds?: number;
  readonly bulkImportThreshold: number;
  readonly maxDeactivations: number;
}

/** Settings of the environments and of the state machine that an estimate follows; a test compares them with infra. */
export const settings = {
  partRows: 100_000,
  bulkImportThreshold: 5_000_000,
  importDeadlineSeconds: 86_400,
  maxAgeDays: 21,
  maxDeactivations: 5_000,
  pollPlan: [
    { untilSeconds: 7_200, everySeconds: 300 },
    { untilSeconds: 86_400, everySeconds: 900 },
    { untilSeconds: Infinity, everySeconds: 3_600 },
  ],
  changeFileRows: 50_000,
  requestsPerStep: 10,
  reconciledAtOnce: 4,
  filesWrittenAtOnce: 2,
  /** Of one file. */
  batchesAtOnce: 4,
  batchSize: 100,
  /** A Provenance names the Consents of one batch; so many of them go together. */
  provenancesAtOnce: 20,
  /** A step that writes a file looks at its lease again after so many seconds. */
  leaseLookSeconds: 5,
  /** Change files of which one step makes import files, and in which one looks what an import has left. */
  changeFilesPerStep: 10,
  importStepsAtOnce: 4,
  /** Days after which S3 deletes what was imported. */
  importDays: 3,
  /** A file that is written as it is made is sent in pieces of so many bytes: the default of the AWS SDK's upload. */
  uploadPieceBytes: 5 * 1_048_576,
  /** States of a drain that finds nothing too old: drain, freshness, whether anything has expired, whether it was free, the end. */
  statesOfDrain: 5,
  /** Of the function that answers the NOOM API. */
  noomMegabytes: 1_024,
  /** Alarms and secrets of one environment, without the NOOM API. */
  alarms: 49,
  secrets: 2,
  searchPage: 100,
  /** Exported files are read in groups of about so many bytes, and in no more groups than that. */
  groupBytes: 64 * 1_048_576,
  mostGroups: 200,
  groupsAtOnce: 8,
  /** Bytes of /tmp that the step which builds the cohort has. */
  temporaryBytes: 6 * 1_073_741_824,
  /** Bytes of a request body before it is cut: what the internet lets through, with room. */
  chunkBytes: 10 << 20,
} as const;

/** Memory of each function, and the seconds after which it is ended. */
export const functionSettings = {
  OpenRun: { megabytes: 256, timeoutSeconds: 30 },
  ExportPatients: { megabytes: 256, timeoutSeconds: 300 },
  CheckExport: { megabytes: 512, timeoutSeconds: 300 },
  ReadPatients: { megabytes: 1_792, timeoutSeconds: 900 },
  BuildCohort: { megabytes: 3_008, timeoutSeconds: 900 },
  StageRequest: { megabytes: 512, timeoutSeconds: 300 },
  SendRequest: { megabytes: 512, timeoutSeconds: 900 },
  CheckInbox: { megabytes: 512, timeoutSeconds: 300 },
  ReconcilePart: { megabytes: 512, timeoutSeconds: 900 },
  WeighChanges: { megabytes: 256, timeoutSeconds: 60 },
  WriteConsents: { megabytes: 512, timeoutSeconds: 900 },
  CountConsents: { megabytes: 256, timeoutSeconds: 60 },
  WriteImportFiles: { megabytes: 1_792, timeoutSeconds: 900 },
  StartImport: { megabytes: 256, timeoutSeconds: 300 },
  CheckImport: { megabytes: 512, timeoutSeconds: 300 },
  FindUnimported: { megabytes: 512, timeoutSeconds: 900 },
  CloseRun: { megabytes: 256, timeoutSeconds: 60 },
  DrainMailbox: { megabytes: 512, timeoutSeconds: 900 },
  CheckFreshness: { megabytes: 256, timeoutSeconds: 60 },
} as const;
export type FunctionName = keyof typeof functionSettings;
