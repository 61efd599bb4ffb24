import { limits } from './limits.ts';
import { assumed, measured } from './measured.ts';
import { prices } from './prices.ts';
import { functionSettings, settings, type FunctionName, type Scenario } from './settings.ts';

/** One run of the pipeline in figures: what it moves, how long it takes, what it costs. */
export interface RunEstimate {
  readonly load: Load;
  readonly parts: number;
  readonly changes: { readonly activations: number; readonly others: number; readonly files: number };
  readonly mesh: MeshFigures;
  readonly execution: ExecutionFigures;
  readonly functions: readonly FunctionFigures[];
  readonly s3: { readonly puts: number; readonly gets: number; readonly bytes: number };
  readonly dynamo: { readonly writeUnits: number; readonly readUnits: number };
  readonly healthLake: HealthLakeFigures;
  /** Minutes of each stage, one after another. */
  readonly minutes: Readonly<Record<Stage, number>>;
  readonly dollars: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/** `first` writes a Consent for everybody; `regular` writes what has changed since. */
export type Load = 'first' | 'regular';
export type Stage = 'cohort' | 'staging' | 'sending' | 'waiting' | 'reconciling' | 'writing' | 'closing';

interface MeshFigures {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly chunksSent: number;
  readonly bytesSent: number;
  readonly bytesSentCompressed: number;
  readonly bytesReceived: number;
  readonly calls: number;
}

interface ExecutionFigures {
  readonly transitions: number;
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
  readonly writes: number;
  readonly batches: number;
  /** Capacity in units of 1 KB. */
  readonly writeUnits: number;
  readonly searches: number;
  readonly minutesAtQuota: number;
  readonly storedBytes: number;
}

/** A message is fetched and acknowledged, kept in two files, recorded and settled. */
const messageSeconds = 2 * assumed.meshCallSeconds + 7 * assumed.awsCallSeconds;
/** A wait, a look and the choice after it. */
const eventsOfALook = 9;
/** From here on a limit is spoken of: retries and splits add events too. */
const nearly = 0.9;
const bytesPerGigabyte = 1_000_000_000;
const daysPerMonth = 30;

/** Parts of at most `partRows` people, cut from a sorted cohort. */
export function partsOf({ patients, partRows }: Scenario): number {
  return Math.ceil(patients / partRows);
}

/** People whose Consent a run writes: everybody at first, then those that change. Those opted out come in the first pass. */
export function changesOf(
  { patients, optOutRate, changeRate }: Scenario,
  load: Load,
): { activations: number; others: number } {
  const changes = load === 'first' ? patients : patients * changeRate;
  const activations = Math.round(changes * (load === 'first' ? optOutRate : assumed.activatingShare));
  return { activations, others: Math.round(changes) - activations };
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

/** How often an export is looked at: a wait is a tenth of what was waited, between half a minute and five. */
export function exportLooksUntil(seconds: number): number {
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
export function entriesOf(scenario: Scenario, files: number): Entries {
  const parts = partsOf(scenario);
  const looks = looksUntil(scenario.replySeconds);
  const groups = exportGroupsOf(scenario);
  const isExport = groups > 0;
  const exportLooks = isExport ? exportLooksUntil(scenario.exportSeconds) : 0;
  const steps = 2 * Math.ceil(parts / settings.requestsPerStep);
  return {
    // Open, build, weigh, close; one more starts an export.
    tasks: 4 + looks + (isExport ? 1 + exportLooks : 0),
    // May it run, by export, anyone to check, dry run, pieces, what came back, plausible, too many; all answered each time.
    choices: 8 + looks + exportLooks,
    waits: looks - 1 + Math.max(0, exportLooks - 1),
    maps: 5 + (isExport ? 1 : 0),
    iterations: steps + parts + files + groups,
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
    calls: chunksSent + 2 * messagesReceived + parts + looksUntil(scenario.replySeconds) + 1,
  };
}

/** Requests and bytes of S3, by the steps' own calls. */
export function s3Of(scenario: Scenario, load: Load, files: number): RunEstimate['s3'] {
  const { patients, optOutRate, source } = scenario;
  const parts = partsOf(scenario);
  const isExport = source === 'export';
  const groups = exportGroupsOf(scenario);
  const { activations, others } = changesOf(scenario, load);
  const { cohort, request, snapshot, change } = measured.bytesPerPerson;
  const { headers, notice, control } = measured.bytesPerMessage;
  return {
    // Cohort, request, control file, headers and bodies of two messages, snapshot; a change file and its proof each.
    // Quarantine, manifest, two reports. Each group of exported files becomes a cohort file, and a list says what they are.
    puts: 8 * parts + 2 * files + 4 + (isExport ? groups + 1 : 0),
    // Cohort twice, request, two bodies to classify, answer, manifest, two stretches of the old snapshot; a change file
    // and a look for its proof each. Every exported file; for each group the list, and its cohort file.
    gets:
      (load === 'first' ? 6 : 9) * parts +
      2 * files +
      2 +
      (isExport ? Math.ceil(patients / assumed.patientsOfFile) + 2 * groups : 0),
    bytes: Math.round(
      patients * ((isExport ? 2 : 1) * cohort + request * (2 - optOutRate) + snapshot) +
        (activations + others) * change +
        parts * (2 * headers + notice + control),
    ),
  };
}

/**
 * Units of DynamoDB. A part's row is written about fourteen times from its building to its reconciliation, its sequence,
 * lease and message rows with it, in units of 1 KB, and grows by 130 bytes a change file; a change file costs a lease
 * and a mark. Reads of lists return all rows of the parts.
 */
export function dynamoOf(parts: number, files: number, looks: number): RunEstimate['dynamo'] {
  const rowBytes = 1_500 + 130 * (files / Math.max(parts, 1));
  return {
    writeUnits: Math.round(14 * parts + Math.ceil(rowBytes / 1_024) * parts + 2 * files + 10 + looks),
    readUnits: Math.round(6 * parts + 4 * files + (3 * looks + 4) * Math.ceil((parts * rowBytes) / 4_096)),
  };
}

/** Writes and capacity of the FHIR store: a Consent counts in steps of 1 KB. */
export function healthLakeOf(scenario: Scenario, load: Load): HealthLakeFigures {
  const { activations, others } = changesOf(scenario, load);
  const writes = activations + others;
  const writeUnits = writes * Math.ceil(measured.bytesPerPerson.consent / 1_024);
  return {
    writes,
    batches: Math.ceil(writes / settings.batchSize),
    writeUnits,
    searches: scenario.source === 'search' ? Math.ceil(scenario.patients / settings.searchPage) : 0,
    minutesAtQuota: writeUnits / limits.healthLakeWriteUnitsASecond / 60,
    storedBytes: scenario.patients * measured.bytesPerPerson.consent,
  };
}

/** Seconds of the longest invocation and billed seconds of all, by function. */
export function functionsOf(scenario: Scenario, load: Load, files: number): FunctionFigures[] {
  const { patients, partRows, source } = scenario;
  const parts = partsOf(scenario);
  const looks = looksUntil(scenario.replySeconds);
  const groups = exportGroupsOf(scenario);
  const changes = changesOf(scenario, load);
  const rowsOfPart = Math.min(partRows, patients);
  const changesOfFile = Math.min(settings.changeFileRows, (changes.activations + changes.others) / Math.max(files, 1));
  const { secondsPerMillion } = measured;
  const { awsCallSeconds: call, meshCallSeconds, batchSeconds, searchPageSeconds } = assumed;
  const requests = Math.min(parts, settings.requestsPerStep);
  const sendSteps = Math.ceil(parts / settings.requestsPerStep);
  const chunks = Math.ceil((rowsOfPart * measured.bytesPerPerson.request) / settings.chunkBytes);
  const core = (perMillion: number, rows: number) => (perMillion * rows) / 1_000_000;
  const writing = (rows: number) => {
    const batches = Math.ceil(rows / settings.batchSize);
    return {
      coreSeconds: core(secondsPerMillion.writeConsents, rows),
      waitedSeconds: 6 * call + (batches * batchSeconds) / Math.min(settings.batchesAtOnce, Math.max(batches, 1)),
    };
  };
  const changesOfPass = Math.max(changes.activations, changes.others) * (rowsOfPart / patients);
  const fullFile = writing(Math.min(settings.changeFileRows, Math.ceil(changesOfPass)));
  const meanFile = writing(changesOfFile);
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
    row('CheckExport', groups > 0 ? exportLooksUntil(scenario.exportSeconds) : 0, 0, 6 * call),
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
    row('CloseRun', 1, 0, 10 * call),
    // Once a day between the runs.
    row('DrainMailbox', load === 'first' ? 0 : scenario.everyDays, 0, 3 * meshCallSeconds + 5 * call),
  ];
}

/** Minutes of each stage: sends go one after another, parts are reconciled four at a time, files written two at a time. */
export function minutesOf(
  scenario: Scenario,
  functions: readonly FunctionFigures[],
  quotaMinutes: number,
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
  const queries = healthLake.writes + healthLake.searches;
  const included = limits.healthLakeQueriesAnHour * runHours;
  const exported = scenario.source === 'export' ? (scenario.patients * assumed.patientBytes) / bytesPerGigabyte : 0;
  return {
    'Step Functions': execution.transitions * prices.stateTransition.dollars,
    Lambda:
      sum(({ gigabyteSeconds }) => gigabyteSeconds) * prices.lambdaGigabyteSecond.dollars +
      sum(({ invocations }) => invocations) * prices.lambdaRequest.dollars,
    'S3 requests': s3.puts * prices.s3Put.dollars + s3.gets * prices.s3Get.dollars,
    'S3 storage, a month': (s3.bytes / bytesPerGigabyte) * prices.s3GigabyteMonth.dollars,
    DynamoDB: dynamo.writeUnits * prices.dynamoWriteUnit.dollars + dynamo.readUnits * prices.dynamoReadUnit.dollars,
    'HealthLake writes and searches': Math.max(0, queries - included) * prices.healthLakeQuery.dollars,
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
  const files = changeFilesOf(changes.activations, scenario) + changeFilesOf(changes.others, scenario);
  const entries = entriesOf(scenario, files);
  const functions = functionsOf(scenario, load, files);
  const healthLake = healthLakeOf(scenario, load);
  const run = {
    load,
    parts,
    changes: { ...changes, files },
    mesh: meshOf(scenario),
    execution: {
      transitions: transitionsOf(entries),
      historyEvents: historyEventsOf(entries),
      stateBytes: stateBytesOf(parts, files),
    },
    functions,
    s3: s3Of(scenario, load, files),
    dynamo: dynamoOf(parts, files, looksUntil(scenario.replySeconds)),
    healthLake,
    minutes: minutesOf(scenario, functions, healthLake.minutesAtQuota),
  };
  return { ...run, dollars: dollarsOf(scenario, run), warnings: warningsFor(scenario, run) };
}

/** What would stop such a run or slow it down, and what to change. */
export function warningsFor(scenario: Scenario, run: Omit<RunEstimate, 'dollars' | 'warnings'>): string[] {
  const { changes, execution, functions, minutes } = run;
  const written = changes.activations + changes.others;
  const totalDays = Object.values(minutes).reduce((total, stage) => total + stage, 0) / 1_440;
  const spill = scenario.patients * measured.bytesPerPerson.spill;
  const deactivations = run.load === 'first' ? 0 : changes.others;
  const takingInSeconds = run.mesh.messagesReceived * messageSeconds;
  const looked = functionSettings.CheckInbox.timeoutSeconds;
  return [
    ...functions.flatMap(({ name, invocations, seconds }) => {
      const { timeoutSeconds } = functionSettings[name];
      return invocations > 0 && seconds > timeoutSeconds
        ? [
            `${name} would work for ${Math.round(seconds)} s and is ended after ${timeoutSeconds} s (Lambda: ${limits.lambdaSeconds} s at most): smaller parts, more memory, or for the cohort another source`,
          ]
        : [];
    }),
    ...(takingInSeconds > looked
      ? [
          `Should all answers come at once, CheckInbox would take them in for ${Math.round(takingInSeconds)} s: it is ended after ${looked} s and goes on in ${Math.ceil(takingInSeconds / looked) - 1} of its 6 retries`,
        ]
      : []),
    ...(execution.historyEvents > limits.historyEvents * nearly
      ? [
          `The execution would have ${execution.historyEvents} events, and its history has room for ${limits.historyEvents}; each further look at the inbox takes ${eventsOfALook}: larger parts (--part-rows), larger change files, or bulk import`,
        ]
      : []),
    ...(execution.stateBytes > limits.stateBytes
      ? [`The list of change files would be ${execution.stateBytes} bytes, and a state holds ${limits.stateBytes}`]
      : []),
    ...(written > scenario.bulkImportThreshold
      ? [
          `${written} changes are more than bulkImportThreshold (${scenario.bulkImportThreshold}): those that withhold nobody would be imported where the store holds no other Consents; how fast an import is, is not published, so the figures are those of batches`,
        ]
      : []),
    ...(deactivations > scenario.maxDeactivations
      ? [
          `About ${deactivations} people would be released, more than maxDeactivations (${scenario.maxDeactivations}): every run would be held for a person`,
        ]
      : []),
    ...(spill > settings.temporaryBytes
      ? [
          `The cohort would take ${spill} bytes of /tmp, and BuildCohort has ${settings.temporaryBytes} (Lambda: ${limits.temporaryBytes} at most)`,
        ]
      : []),
    ...(scenario.replySeconds > limits.meshExpiryDays * 86_400
      ? [`MESH drops what nobody has collected for ${limits.meshExpiryDays} days, before the answers are expected`]
      : []),
    ...(totalDays > limits.meshExpiryDays
      ? [
          `The run would last ${totalDays.toFixed(1)} days and hold the mailbox, which the daily drain passes over then: MESH drops after ${limits.meshExpiryDays} days what comes meanwhile`,
        ]
      : []),
  ];
}
