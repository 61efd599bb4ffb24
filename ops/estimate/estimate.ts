import { limits } from './limits.ts';
import { assumed, measured } from './measured.ts';
import { prices } from './prices.ts';
import { functionSettings, settings, type FunctionName, type Scenario } from './settings.ts';
import { warningsFor } from './warnings.ts';

/** One run of the pipeline in figures: what it moves, how long it takes, what it costs. */
export interface RunEstimate {
  readonly load: Load;
  readonly parts: number;
  readonly changes: Changes;
  readonly mesh: MeshFigures;
  readonly execution: ExecutionFigures;
  readonly functions: readonly FunctionFigures[];
  readonly s3: S3Figures;
  readonly dynamo: DynamoFigures;
  readonly healthLake: HealthLakeFigures;
  /** Minutes of each stage, one after another. */
  readonly minutes: Readonly<Record<Stage, number>>;
  readonly dollars: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/** `first` writes a Consent for everybody; `regular` writes what has changed since. */
export type Load = 'first' | 'regular';
export const stages = [
  'cohort',
  'staging',
  'sending',
  'waiting',
  'reconciling',
  'writing',
  'importing',
  'closing',
] as const;
export type Stage = (typeof stages)[number];

/** People whose Consent a run writes: those opted out first, then the others. */
interface Changes {
  readonly activations: number;
  readonly others: number;
  /** Files of each, of all parts. */
  readonly activationFiles: number;
  readonly otherFiles: number;
  /** Whether the others go by import, and batches write those opted out alone. */
  readonly isImport: boolean;
}

interface S3Figures {
  readonly objects: number;
  /** Requests that write or list; a large file takes several. */
  readonly puts: number;
  readonly gets: number;
  readonly bytes: number;
  /** Bytes of what HealthLake imports, which is kept for days alone. */
  readonly importBytes: number;
}

interface DynamoFigures {
  /** Rows that a run leaves. */
  readonly items: number;
  readonly writeUnits: number;
  readonly readUnits: number;
}

interface MeshFigures {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly chunksSent: number;
  readonly bytesSent: number;
  readonly bytesSentCompressed: number;
  readonly bytesReceived: number;
  readonly calls: number;
  /** How long it takes to take in everything, should it come at once. */
  readonly takingInSeconds: number;
}

interface ExecutionFigures {
  readonly transitions: number;
  /** Of the daily drains until the next run. */
  readonly drainTransitions: number;
  readonly historyEvents: number;
  /** The longest list that a variable holds. */
  readonly stateBytes: number;
}

interface FunctionFigures {
  readonly name: FunctionName;
  readonly megabytes: number;
  readonly invocations: number;
  /** Of the longest invocation. */
  readonly seconds: number;
  /** Of all, on average. */
  readonly meanSeconds: number;
  readonly gigabyteSeconds: number;
}

interface HealthLakeFigures {
  /** Consents that batches write. */
  readonly writes: number;
  readonly imported: number;
  readonly importSeconds: number;
  readonly provenances: number;
  /** Calls with a Bundle: one that reads and one that writes for each batch. */
  readonly bundles: number;
  /** Capacity in units of 1 KB; an import uses none. */
  readonly writeUnits: number;
  /** Resources read by id, which has a quota of its own. */
  readonly reads: number;
  readonly searches: number;
  readonly minutesAtQuota: number;
  readonly storedBytes: number;
}

/** A message is fetched and acknowledged, kept in two files, recorded and settled. */
const messageSeconds = 2 * assumed.meshCallSeconds + 7 * assumed.awsCallSeconds;
const bytesPerGigabyte = 1_000_000_000;
const daysPerMonth = 30;

/** Parts of at most `partRows` people, cut from a sorted cohort. */
export function partsOf({ patients, partRows }: Scenario): number {
  return Math.ceil(patients / partRows);
}

/**
 * Whom a run writes about: everybody at first, then those that change. Beyond the threshold an import takes the others, as
 * it does where the store holds no Consents but ours.
 */
export function changesOf(scenario: Scenario, load: Load): Changes {
  const { patients, optOutRate, changeRate, bulkImportThreshold } = scenario;
  const changes = load === 'first' ? patients : patients * changeRate;
  const activations = Math.round(changes * (load === 'first' ? optOutRate : assumed.activatingShare));
  const others = Math.round(changes) - activations;
  return {
    ...{ activations, others },
    activationFiles: changeFilesOf(activations, scenario),
    otherFiles: changeFilesOf(others, scenario),
    isImport: others > 0 && activations + others > bulkImportThreshold,
  };
}

/** How long an import takes: as it is said, or as long as the write quota would let batches take. */
function importSecondsOf({ importSeconds }: Scenario, { others, isImport }: Changes): number {
  return isImport ? (importSeconds ?? others / assumed.importedASecond) : 0;
}

/** Change files of all parts: each part has files of its own, of at most `changeFileRows` changes, for each pass. */
export function changeFilesOf(changes: number, { patients, partRows }: Scenario): number {
  const filesOf = (people: number) => Math.ceil(((changes / patients) * people) / settings.changeFileRows);
  const files = Math.floor(patients / partRows) * filesOf(partRows) + filesOf(patients % partRows);
  // Where there are fewer changes than parts, some parts have none.
  return Math.min(changes, files);
}

/** How often the inbox is looked at: straight after the sending, and after each wait until the answers are there. */
export function looksUntil(seconds: number): number {
  let looks = 1;
  for (let waited = 0; waited < seconds; looks += 1) {
    waited += settings.pollPlan.find(({ untilSeconds }) => waited < untilSeconds)?.everySeconds ?? 3_600;
  }
  return looks;
}

/** How often an export or an import is looked at: a wait is a tenth of what was waited, between half a minute and five. */
export function jobLooksUntil(seconds: number): number {
  let looks = 1;
  for (let waited = 0; waited < seconds; looks += 1) waited += Math.min(300, Math.max(30, waited / 10));
  return looks;
}

/** Groups of exported files, each read by one step: 64 MiB each, at most 200. */
export function exportGroupsOf({ patients, source }: Scenario): number {
  if (source !== 'export') return 0;
  return Math.min(settings.mostGroups, Math.ceil((patients * assumed.patientBytes) / settings.groupBytes));
}

/** How often each kind of state is entered. */
interface Entries {
  readonly tasks: number;
  readonly choices: number;
  readonly waits: number;
  readonly maps: number;
  readonly iterations: number;
}

/** States entered on the way of a run that goes well, as `infra/pipeline/refresh-consents.ts` has them. */
export function entriesOf(scenario: Scenario, changes: Changes): Entries {
  const parts = partsOf(scenario);
  const looks = looksUntil(scenario.replySeconds);
  const groups = exportGroupsOf(scenario);
  const isExport = groups > 0;
  const exportLooks = isExport ? jobLooksUntil(scenario.exportSeconds) : 0;
  const steps = 2 * Math.ceil(parts / settings.requestsPerStep);
  const { activationFiles, otherFiles, isImport } = changes;
  const importLooks = isImport ? jobLooksUntil(importSecondsOf(scenario, changes)) : 0;
  const importSteps = isImport ? 2 * Math.ceil(otherFiles / settings.changeFilesPerStep) : 0;
  return {
    // Open, build, weigh, close; one more starts an export. An import is preceded by a count, and started.
    tasks: 4 + looks + (isExport ? 1 + exportLooks : 0) + (isImport ? 2 + importLooks : 0),
    // May it run, by export, anyone to check, dry run, pieces, what came back, plausible, too many, import the others, all of
    // it taken; all answered each time. Anything to import; imported each time.
    choices: 10 + looks + exportLooks + (isImport ? 1 + importLooks : 0),
    waits: looks - 1 + Math.max(0, exportLooks - 1) + Math.max(0, importLooks - 1),
    maps: 5 + (isExport ? 1 : 0) + (isImport ? 2 : 0),
    iterations: steps + parts + activationFiles + otherFiles + groups + importSteps,
  };
}

/** Billed transitions: every state entered, those inside of a Map too. */
export function transitionsOf({ tasks, choices, waits, maps, iterations }: Entries): number {
  return tasks + choices + waits + maps + iterations;
}

/**
 * Events of the history: five of a task, two of a choice or a wait, four of a Map, seven of each of its iterations of one
 * task, two of the execution.
 */
export function historyEventsOf({ tasks, choices, waits, maps, iterations }: Entries): number {
  return 2 + 5 * tasks + 2 * (choices + waits) + 4 * maps + 7 * iterations;
}

/** Bytes of the list of change files, `{"part":1234,"file":12},` each: the longest thing that the state holds. */
export function stateBytesOf(parts: number, files: number): number {
  const listed = `{"part":${parts},"file":${Math.ceil(files / Math.max(parts, 1))}},`;
  return files * listed.length;
}

/** Seconds that work of one core takes in a function of so much memory: 1,769 MB buy a whole core. */
export function secondsIn(megabytes: number, coreSeconds: number): number {
  return coreSeconds * Math.max(1, limits.megabytesOfOneCpu / megabytes);
}

/** Bytes of requests and answers: 13 a person asked about, and of each who comes back. */
export function meshOf(scenario: Scenario): MeshFigures {
  const { patients, optOutRate, partRows } = scenario;
  const parts = partsOf(scenario);
  const bytesSent = patients * measured.bytesPerPerson.request;
  const bytesReceived = Math.round(bytesSent * (1 - optOutRate));
  const share = measured.compressed.findLast(({ from }) => patients >= from)?.share ?? 1;
  const chunksSent =
    parts * Math.ceil((Math.min(partRows, patients) * measured.bytesPerPerson.request) / settings.chunkBytes);
  // A notice and an answer; each is fetched and acknowledged. The inbox is listed after each sending and at each look.
  const messagesReceived = 2 * parts;
  return {
    messagesSent: parts,
    messagesReceived,
    chunksSent,
    bytesSent,
    bytesSentCompressed: Math.round(bytesSent * share),
    bytesReceived,
    takingInSeconds: messagesReceived * messageSeconds,
    calls: chunksSent + 2 * messagesReceived + parts + looksUntil(scenario.replySeconds) + 1,
  };
}

/** Requests and bytes of S3, by the steps' own calls. */
export function s3Of(scenario: Scenario, load: Load, changes: Changes): S3Figures {
  const { patients, optOutRate, source, everyDays } = scenario;
  const parts = partsOf(scenario);
  const isExport = source === 'export';
  const groups = exportGroupsOf(scenario);
  const files = changes.activationFiles + changes.otherFiles;
  const importFiles = changes.isImport ? changes.otherFiles : 0;
  const { cohort, request, snapshot, change, consent } = measured.bytesPerPerson;
  const { headers, notice, control } = measured.bytesPerMessage;
  const imported = changes.isImport ? changes.others : 0;
  const provenances = Math.ceil(imported / settings.batchSize);
  // Cohort, request, control file, headers and bodies of two messages, snapshot; a change file. Quarantine, manifest, two
  // reports. Each group of exported files becomes a cohort file, and a list says what they are. An imported change file
  // becomes one of Consents, one of Provenances and one of what was left.
  const objects = 8 * parts + files + 4 + (isExport ? groups + 1 : 0) + 3 * importFiles;
  return {
    objects,
    puts: objects + importFiles * (uploadCallsOf((imported / Math.max(importFiles, 1)) * consent) - 1),
    // Cohort twice, request, two headers and bodies to classify, answer, manifest, two stretches of the old snapshot; a
    // change file. Every exported file; for each group the list, and its cohort file. An imported change file twice more.
    gets:
      (load === 'first' ? 8 : 11) * parts +
      files +
      2 +
      (isExport ? Math.ceil(patients / assumed.patientsOfFile) + 2 * groups : 0) +
      (changes.isImport ? 2 * importFiles + 1 : 0) +
      // The drain looks at the manifest.
      (load === 'first' ? 0 : everyDays),
    bytes: Math.round(
      patients * ((isExport ? 2 : 1) * cohort + request * (2 - optOutRate) + snapshot) +
        (changes.activations + changes.others) * change +
        parts * (2 * headers + notice + control),
    ),
    importBytes: Math.round(
      imported * consent + provenances * provenanceBytesOf(Math.min(imported, settings.batchSize)),
    ),
  };
}

/** A file that is written as it is made goes up in pieces, between a beginning and an end, where it is larger than one. */
function uploadCallsOf(bytes: number): number {
  return bytes > settings.uploadPieceBytes ? Math.ceil(bytes / settings.uploadPieceBytes) + 2 : 1;
}

/**
 * Rows and units of DynamoDB. A part's row is written six times from its building to its reconciliation and grows by 130
 * bytes a change file; a sequence number, a lease, and four rows written or deleted for each of two messages go with it. A
 * change file costs a row that says it is being written, made and deleted, the writer's, a lease, again every few seconds,
 * and a row that stays. Reads of lists return all rows of the parts.
 */
export function dynamoOf(
  scenario: Scenario,
  load: Load,
  { changes, writeSeconds }: { readonly changes: Changes; readonly writeSeconds: number },
): DynamoFigures {
  const parts = partsOf(scenario);
  const looks = looksUntil(scenario.replySeconds);
  const groups = exportGroupsOf(scenario);
  const exportLooks = groups > 0 ? jobLooksUntil(scenario.exportSeconds) : 0;
  const { activationFiles, otherFiles, isImport } = changes;
  const files = activationFiles + otherFiles;
  const importFiles = isImport ? otherFiles : 0;
  const importLooks = isImport ? jobLooksUntil(importSecondsOf(scenario, changes)) : 0;
  const drains = load === 'first' ? 0 : scenario.everyDays;
  const rowBytes = 1_500 + 130 * (files / Math.max(parts, 1));
  return {
    // Part, what was sent, two messages; run, snapshot, handshake, sequence. Export and groups. Before and after an import.
    items: 4 * parts + files + 4 + (groups > 0 ? groups + 1 : 0) + (isImport ? 2 * importFiles + 2 : 0),
    writeUnits: Math.round(
      (16 + Math.ceil(rowBytes / 1_024)) * parts +
        5 * files +
        (files - importFiles + writeSeconds / settings.leaseLookSeconds) +
        (15 + looks) +
        (groups > 0 ? 5 + exportLooks + 2 * groups : 0) +
        (isImport ? 8 + importLooks + 4 * importFiles : 0) +
        5 * drains,
    ),
    readUnits: Math.round(
      12 * parts +
        4 * files +
        12 +
        (3 * looks + 4) * Math.ceil((parts * rowBytes) / 4_096) +
        (groups > 0 ? 4 + exportLooks + 3 * groups : 0) +
        (isImport ? importLooks + 6 * importFiles : 0) +
        8 * drains,
    ),
  };
}

/** Batches of so many changes, spread evenly over so many files, and those of their Provenances: a file has its own. */
export function batchesOf(people: number, files: number): { readonly batches: number; readonly ofProvenances: number } {
  const batchesOfFile = Math.ceil(people / Math.max(files, 1) / settings.batchSize);
  return {
    batches: files * batchesOfFile,
    ofProvenances: files * Math.ceil(batchesOfFile / settings.provenancesAtOnce),
  };
}

/** A Provenance that names so many Consents. */
function provenanceBytesOf(consents: number): number {
  return measured.bytesPerProvenance.itself + consents * measured.bytesPerProvenance.consent;
}

/**
 * Writes, reads and capacity of the FHIR store. What is written counts in steps of 1 KB, and a deletion as if it were a
 * Consent; what is read counts one by one. An import counts as neither.
 */
export function healthLakeOf(scenario: Scenario, changes: Changes): HealthLakeFigures {
  const { activations, others, activationFiles, otherFiles, isImport } = changes;
  const byBatches = [batchesOf(activations, activationFiles), batchesOf(isImport ? 0 : others, otherFiles)];
  const provenances = byBatches.reduce((sum, { batches }) => sum + batches, 0);
  const ofProvenances = byBatches.reduce((sum, each) => sum + each.ofProvenances, 0);
  const writes = activations + (isImport ? 0 : others);
  const provenanceBytes = provenanceBytesOf(Math.round(writes / Math.max(provenances, 1)));
  const writeUnits =
    writes * Math.ceil(measured.bytesPerPerson.consent / 1_024) +
    provenances * Math.ceil(provenanceBytes / 1_024) +
    Math.ceil(measured.auditEventBytes / 1_024);
  const reads = writes + provenances;
  const seconds = Math.max(writeUnits / limits.healthLakeWriteUnitsASecond, reads / limits.healthLakeReadsASecond);
  return {
    ...{ writes, provenances, writeUnits, reads },
    imported: isImport ? others : 0,
    importSeconds: importSecondsOf(scenario, changes),
    bundles: 2 * (provenances + ofProvenances),
    // An import is preceded by two counts.
    searches:
      (scenario.source === 'search' ? Math.ceil(scenario.patients / settings.searchPage) : 0) + (isImport ? 2 : 0),
    minutesAtQuota: seconds / 60,
    storedBytes:
      scenario.patients *
      (measured.bytesPerPerson.consent + provenanceBytesOf(settings.batchSize) / settings.batchSize),
  };
}

/** Seconds of the longest invocation and billed seconds of all, by function. */
export function functionsOf(scenario: Scenario, load: Load, changes: Changes): FunctionFigures[] {
  const { patients, partRows, source } = scenario;
  const parts = partsOf(scenario);
  const looks = looksUntil(scenario.replySeconds);
  const groups = exportGroupsOf(scenario);
  const rowsOfPart = Math.min(partRows, patients);
  const { activations, others, activationFiles, otherFiles, isImport } = changes;
  const files = activationFiles + otherFiles;
  const importSteps = isImport ? Math.ceil(otherFiles / settings.changeFilesPerStep) : 0;
  const filesOfStep = otherFiles / Math.max(importSteps, 1);
  const importedOfStep = others / Math.max(importSteps, 1);
  const { secondsPerMillion } = measured;
  const { awsCallSeconds: call, meshCallSeconds, batchSeconds, searchPageSeconds } = assumed;
  const drains = load === 'first' ? 0 : scenario.everyDays;
  const requests = Math.min(parts, settings.requestsPerStep);
  const sendSteps = Math.ceil(parts / settings.requestsPerStep);
  const chunks = Math.ceil((rowsOfPart * measured.bytesPerPerson.request) / settings.chunkBytes);
  const core = (perMillion: number, rows: number) => (perMillion * rows) / 1_000_000;
  const writing = (rows: number) => {
    const { batches, ofProvenances } = batchesOf(rows, 1);
    // Each batch is read and then written; Provenances go one batch after another.
    const turns = batches / Math.min(settings.batchesAtOnce, Math.max(batches, 1)) + ofProvenances;
    return {
      coreSeconds: core(secondsPerMillion.writeConsents, rows),
      waitedSeconds: 10 * call + 2 * turns * batchSeconds,
    };
  };
  const inBatches = isImport ? 0 : others;
  const changesOfPass = Math.max(activations, inBatches) * (rowsOfPart / patients);
  const fullFile = writing(Math.min(settings.changeFileRows, Math.ceil(changesOfPass)));
  const ofActivations = writing(activations / Math.max(activationFiles, 1));
  const ofOthers = writing(inBatches / Math.max(otherFiles, 1));
  const mean = (name: keyof typeof fullFile) =>
    (activationFiles * ofActivations[name] + otherFiles * ofOthers[name]) / Math.max(files, 1);
  const meanFile = { coreSeconds: mean('coreSeconds'), waitedSeconds: mean('waitedSeconds') };
  // Longer Patients take as much longer to read.
  const perMillionPatients = (secondsPerMillion.readPatients * assumed.patientBytes) / measured.patientBytes;
  const row = (
    name: FunctionName,
    invocations: number,
    coreSeconds: number,
    waitedSeconds: number,
    longest = { coreSeconds, waitedSeconds },
  ): FunctionFigures => {
    const { megabytes } = functionSettings[name];
    const meanSeconds = secondsIn(megabytes, coreSeconds) + waitedSeconds;
    const seconds = secondsIn(megabytes, longest.coreSeconds) + longest.waitedSeconds;
    const gigabyteSeconds = (invocations * (meanSeconds + assumed.invocationSeconds) * megabytes) / 1_024;
    return { name, megabytes, invocations, seconds, meanSeconds, gigabyteSeconds };
  };
  return [
    row('OpenRun', 1, 0, 4 * call),
    row('ExportPatients', groups > 0 ? 1 : 0, 0, 6 * call),
    row('CheckExport', groups > 0 ? jobLooksUntil(scenario.exportSeconds) : 0, 0, 6 * call),
    row('ReadPatients', groups, core(perMillionPatients, patients / Math.max(groups, 1)), 8 * call),
    row(
      'BuildCohort',
      1,
      core(secondsPerMillion.buildCohort, patients),
      2 * call * parts + (source === 'search' ? (patients / settings.searchPage) * searchPageSeconds : 0),
    ),
    row('StageRequest', sendSteps, core(secondsPerMillion.stageRequest, rowsOfPart * requests), 6 * call * requests),
    row(
      'SendRequest',
      sendSteps,
      core(secondsPerMillion.sendRequest, rowsOfPart * requests),
      requests * (7 * call + (chunks + 1) * meshCallSeconds),
    ),
    // The messages are spread over the looks.
    row('CheckInbox', looks, 0, (2 * parts * messageSeconds) / looks + 5 * call),
    row('ReconcilePart', parts, core(secondsPerMillion.reconcilePart, rowsOfPart), 12 * call),
    row('WeighChanges', 1, 0, 5 * call),
    row('WriteConsents', files, meanFile.coreSeconds, meanFile.waitedSeconds, fullFile),
    row('CountConsents', isImport ? 1 : 0, 0, 2 * searchPageSeconds),
    row(
      'WriteImportFiles',
      importSteps,
      core(secondsPerMillion.writeImportFiles, importedOfStep),
      9 * call * filesOfStep,
    ),
    row('StartImport', isImport ? 1 : 0, 0, 10 * call),
    row('CheckImport', isImport ? jobLooksUntil(importSecondsOf(scenario, changes)) : 0, 0, 3 * call),
    row('FindUnimported', importSteps, core(secondsPerMillion.findUnimported, importedOfStep), 7 * call * filesOfStep),
    row('CloseRun', 1, 0, 15 * call),
    // Once a day between the runs.
    row('DrainMailbox', drains, 0, 3 * meshCallSeconds + 5 * call),
    row('CheckFreshness', drains, 0, 10 * call),
  ];
}

/** Minutes of each stage: sends go one after another, parts are reconciled four at a time, files written two at a time. */
export function minutesOf(
  scenario: Scenario,
  functions: readonly FunctionFigures[],
  { importSeconds, quotaMinutes }: { readonly importSeconds: number; readonly quotaMinutes: number },
): RunEstimate['minutes'] {
  const minutes = (name: FunctionName, atOnce = 1) => {
    const found = functions.find((figures) => figures.name === name);
    return found ? (Math.ceil(found.invocations / atOnce) * (found.meanSeconds + assumed.invocationSeconds)) / 60 : 0;
  };
  return {
    cohort:
      minutes('BuildCohort') +
      minutes('ReadPatients', settings.groupsAtOnce) +
      (scenario.source === 'export' ? scenario.exportSeconds / 60 : 0),
    staging: minutes('StageRequest'),
    sending: minutes('SendRequest'),
    waiting: scenario.replySeconds / 60 + minutes('CheckInbox'),
    reconciling: minutes('ReconcilePart', settings.reconciledAtOnce) + minutes('WeighChanges'),
    writing: Math.max(quotaMinutes, minutes('WriteConsents', settings.filesWrittenAtOnce)),
    importing:
      minutes('CountConsents') +
      minutes('WriteImportFiles', settings.importStepsAtOnce) +
      minutes('StartImport') +
      importSeconds / 60 +
      minutes('FindUnimported', settings.importStepsAtOnce),
    closing: minutes('CloseRun'),
  };
}

/** The bill of one run, and of the month that it stands in where a thing is paid by the month. */
export function dollarsOf(scenario: Scenario, run: Omit<RunEstimate, 'dollars' | 'warnings'>): Record<string, number> {
  const sum = (value: (figures: FunctionFigures) => number) =>
    run.functions.reduce((total, figures) => total + value(figures), 0);
  const { healthLake, s3, dynamo, execution } = run;
  const storedGigabytes = healthLake.storedBytes / bytesPerGigabyte;
  const runHours = Object.values(run.minutes).reduce((total, minutes) => total + minutes, 0) / 60;
  const queries = healthLake.reads + healthLake.writes + healthLake.provenances + 1 + healthLake.searches;
  const included = limits.healthLakeQueriesAnHour * runHours;
  const exported = scenario.source === 'export' ? (scenario.patients * assumed.patientBytes) / bytesPerGigabyte : 0;
  return {
    'Step Functions': (execution.transitions + execution.drainTransitions) * prices.stateTransition.dollars,
    Lambda:
      sum(({ gigabyteSeconds }) => gigabyteSeconds) * prices.lambdaGigabyteSecond.dollars +
      sum(({ invocations }) => invocations) * prices.lambdaRequest.dollars,
    'S3 requests': s3.puts * prices.s3Put.dollars + s3.gets * prices.s3Get.dollars,
    'S3 storage, a month':
      ((s3.bytes + s3.importBytes * (settings.importDays / daysPerMonth)) / bytesPerGigabyte) *
      prices.s3GigabyteMonth.dollars,
    DynamoDB: dynamo.writeUnits * prices.dynamoWriteUnit.dollars + dynamo.readUnits * prices.dynamoReadUnit.dollars,
    'HealthLake reads, writes, searches': Math.max(0, queries - included) * prices.healthLakeQuery.dollars,
    'HealthLake export': exported * prices.healthLakeExportGigabyte.dollars,
    'HealthLake storage of Consents, a month':
      Math.max(0, storedGigabytes - 10) * prices.healthLakeGigabyteMonth.dollars,
    'HealthLake store, a month': 24 * daysPerMonth * prices.healthLakeStoreHour.dollars,
  };
}

/** Everything about one run. */
export function estimate(scenario: Scenario, load: Load): RunEstimate {
  const parts = partsOf(scenario);
  const changes = changesOf(scenario, load);
  const files = changes.activationFiles + changes.otherFiles;
  const entries = entriesOf(scenario, changes);
  const functions = functionsOf(scenario, load, changes);
  const healthLake = healthLakeOf(scenario, changes);
  const writers = functions.find(({ name }) => name === 'WriteConsents');
  const run = {
    ...{ load, parts, changes },
    mesh: meshOf(scenario),
    execution: {
      transitions: transitionsOf(entries),
      drainTransitions: load === 'first' ? 0 : settings.statesOfDrain * scenario.everyDays,
      historyEvents: historyEventsOf(entries),
      stateBytes: stateBytesOf(parts, files),
    },
    functions,
    s3: s3Of(scenario, load, changes),
    dynamo: dynamoOf(scenario, load, { changes, writeSeconds: files * (writers?.meanSeconds ?? 0) }),
    healthLake,
    minutes: minutesOf(scenario, functions, {
      importSeconds: importSecondsOf(scenario, changes),
      quotaMinutes: healthLake.minutesAtQuota,
    }),
  };
  const batchMinutes = changes.isImport ? minutesOfBatches(scenario, load) : run.minutes.writing;
  return { ...run, dollars: dollarsOf(scenario, run), warnings: warningsFor(scenario, run, batchMinutes) };
}

/** Minutes that the writing would take were it batches all. */
function minutesOfBatches(scenario: Scenario, load: Load): number {
  return estimate({ ...scenario, bulkImportThreshold: Infinity }, load).minutes.writing;
}
