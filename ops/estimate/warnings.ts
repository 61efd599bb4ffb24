import type { RunEstimate } from './estimate.ts';
import { limits } from './limits.ts';
import { assumed, measured } from './measured.ts';
import { functionSettings, settings, type Scenario } from './settings.ts';

/** A wait, a look and the choice after it. */
const eventsOfALook = 9;
/** From here on a limit is spoken of: retries and splits add events too. */
const nearly = 0.9;

/**
 * What would stop such a run or slow it down, and what to change.
 *
 * @param batchMinutes minutes that the writing would take were it batches all
 */
export function warningsFor(
  scenario: Scenario,
  run: Omit<RunEstimate, 'dollars' | 'warnings'>,
  batchMinutes: number,
): string[] {
  const { changes, execution, functions, minutes } = run;
  const written = changes.activations + changes.others;
  const totalDays = Object.values(minutes).reduce((total, stage) => total + stage, 0) / 1_440;
  const spill = scenario.patients * measured.bytesPerPerson.spill;
  const deactivations = run.load === 'first' ? 0 : changes.others;
  const { importSeconds } = run.healthLake;
  const { takingInSeconds } = run.mesh;
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
    ...(changes.isImport
      ? [
          `${written} changes are more than bulkImportThreshold (${scenario.bulkImportThreshold}): the ${changes.others} that withhold nobody go by import, provided that the store holds no Consents but ours; else by batches, and the writing takes ${Math.round(batchMinutes)} minutes. How fast an import is, is not published: ${Math.round(importSeconds / 60)} minutes are ${scenario.importSeconds === undefined ? `${assumed.importedASecond} Consents a second, what the default quota allows batches` : 'what --import-minutes says'}`,
        ]
      : []),
    ...(importSeconds > settings.importDeadlineSeconds
      ? [
          `The import would take ${Math.round(importSeconds / 60)} minutes, and the run ends after ${settings.importDeadlineSeconds / 60} (importDeadlineSeconds): a resume goes on waiting`,
        ]
      : []),
    ...(scenario.everyDays >= settings.maxAgeDays
      ? [
          `Answers are too old after ${settings.maxAgeDays} days (maxAgeDays): with ${scenario.everyDays} days between two runs the daily drain deletes the Consents of everybody who has not opted out, and each run writes them all anew`,
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
