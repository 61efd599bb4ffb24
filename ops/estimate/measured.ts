/**
 * What was measured, in one place: run the command again and put the figure here. Seconds are those of one core, and are
 * stretched to the share of a core that a function's memory buys.
 */
export const measured = {
  /** Seconds for a million people: `npm run bench -- --rows 1000000 --part-rows 100000 --only TABLE`. */
  secondsPerMillion: {
    /** Table "cohort", processor seconds: a cohort file read, judged, sorted and cut. 2026-11-27. */
    buildCohort: 0.82,
    /** Exported Patients of 1.3 KB made into a cohort file: `node test/bench/patients/read-exported.ts --patients 300000`, by Node 24. 2026-11-27. */
    readPatients: 13,
    /** Table "stage", processor seconds: the requests written. 2026-11-27. */
    stageRequest: 0.13,
    /** Table "snapshot", processor seconds: answers, old and new records, changes. 2026-11-27. */
    reconcilePart: 1.8,
    /**
     * `npm run bench -- --only healthlake`, row of the pipeline, processor seconds of 5,000 Consents, times 200: the step as it
     * is, with a read before each write, signatures and HTTP, and without Provenances. On a busy machine, 2026-11-27.
     */
    writeConsents: 60,
    /** Table "consents", processor seconds: changes made into lines of Consents, without hash and upload. 2026-11-27. */
    writeImportFiles: 10,
    /** Twenty change files of 50,000 lines, hashed and read by `readChanges`, with `process.cpuUsage()` around. 2026-11-27. */
    findUnimported: 1.2,
    /** gzip of 13 MB at the 57 MB/s that our client sent: `npm run bench -- --only mesh`. 2026-11-27. */
    sendRequest: 0.23,
  },
  /** Bytes of the Patients that `readPatients` was measured with. */
  patientBytes: 1_300,
  /** Bytes a person: `files.ndjson` of `npm run local -- --patients 2000 --part-rows 150`, patient ids of 36 characters. */
  bytesPerPerson: {
    cohort: 44,
    /** What the cohort takes of /tmp while it is sorted: a record of `shared/cohort/number-buckets.ts` with a UUID. */
    spill: 40,
    request: 13,
    snapshot: 11.4,
    change: 83,
    /** One Consent as it is stored: `consents.ndjson` of the same run. */
    consent: 1_734,
  },
  /** A Provenance of `provenanceOf`: with nobody, and for each Consent that it names. */
  bytesPerProvenance: { itself: 1_377, consent: 61 },
  /** The AuditEvent of `runMarkerOf`. */
  auditEventBytes: 1_707,
  /** Bytes of a message's headers as they are kept, and of a control file, from the same run. */
  bytesPerMessage: { headers: 1_136, notice: 1_702, control: 414 },
  /**
   * gzip's share of a sorted request. The denser the numbers, the smaller: 10 thousand, 1 million and 60 million people
   * among the 3,000 million numbers of England's blocks, `gzip -1` of rows as `buildRequest` writes them.
   */
  compressed: [
    { from: 0, share: 0.41 },
    { from: 300_000, share: 0.34 },
    { from: 10_000_000, share: 0.28 },
  ],
} as const;

/** What nobody could measure here, with the reason for the figure. */
export const assumed = {
  /** Seconds from sending a request to its answer: "typically within 40 minutes" by users' reports, up to an hour officially. */
  replySeconds: 2_400,
  /** Seconds for one call to S3 or DynamoDB, a usual figure within a region. */
  awsCallSeconds: 0.03,
  /** Seconds for one call to MESH over the internet. */
  meshCallSeconds: 0.5,
  /** Seconds for a Bundle at HealthLake, whether it reads 100 Consents or writes them, or 20 Provenances: no published figure. */
  batchSeconds: 1,
  /** Consents that an import takes in a second: no published figure, so what the default write quota lets batches do. */
  importedASecond: 1_500,
  /** Seconds that an invocation bills beside its work, a cold start now and then among them. */
  invocationSeconds: 0.3,
  /** Seconds for one page of 100 Patients by search: no published figure. */
  searchPageSeconds: 0.2,
  /** Seconds that HealthLake takes for an export: not published. */
  exportSeconds: 3_600,
  /** Bytes of a Patient as HealthLake exports it. */
  patientBytes: 2_000,
  /** Patients in an exported file: "You can only export 5,000 FHIR resources per file", AWS HealthLake Developer Guide, 2021. */
  patientsOfFile: 5_000,
  /** Share of changes that withhold; the others release, or are of people who came or left. */
  activatingShare: 0.5,
  /** Seconds of a call of the NOOM API, nearly all of them waiting for the store; and queries, each read in a Bundle counted as one. */
  noomCallSeconds: 0.3,
  noomCallQueries: 4,
} as const;
