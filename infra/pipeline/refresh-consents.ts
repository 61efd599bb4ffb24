import { Duration } from 'aws-cdk-lib';
import {
  Choice,
  Condition,
  Fail,
  JitterType,
  Map,
  Pass,
  ProvideItems,
  Succeed,
  Wait,
  WaitTime,
  type CatchProps,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { fhirStoreOutages, meshOutages } from '../../shared/errors.ts';
import { recordFailure, remembered } from './record-failure.ts';
import type { PipelineLogs } from './pipeline-logs.ts';
import { stepMachine, type LiveMachine } from './step-machine.ts';
import { stepTask, type StepTaskProps } from './step-task.ts';
import { filesAtOnce, type Steps } from './steps.ts';

export interface RefreshConsentsProps {
  readonly name: string;
  readonly steps: Steps;
  /** No run lasts longer: the reply deadline, once more for what is asked again in pieces, the review and a day of work. */
  readonly timeout: Duration;
  readonly logs: PipelineLogs;
}

/** Names under which an answer is refused: its part is set aside and the others go on. */
const answerRefusals = ['ReplyHasStrangers', 'ReplyMalformed', 'ReplyTruncated'];

/** Ways in which the FHIR store does not count its Consents. */
const countFailures = [...fhirStoreOutages, 'HealthLakeRefused', 'Sandbox.Timedout', 'States.Timeout'];

/** Which run, and which execution holds the mailbox for it. */
const runAndExecution = { runId: '{% $runId %}', execution: '{% $states.context.Execution.Id %}' };

/** How many requests one step stages or sends: fewer steps than requests, since an execution has room for 25,000 events. */
const requestsPerStep = 10;

/** How many change files one step makes import files of, or looks through after an import. */
const changeFilesPerStep = 10;

/** The last resort of every state: remember what happened and where. */
const intoFailure: CatchProps = { errors: ['States.ALL'], assign: remembered };

const result = (member: string) => `{% $states.result.Payload.${member} %}`;
const failureOrBefore = '{% $exists($states.result.Payload.failure) ? $states.result.Payload.failure : $failure %}';

/**
 * The state machine "Refresh consents", in the order of a run. State names are what an operator reads in the console;
 * variables hold the run id, part numbers, counts and flags, never a person.
 */
export class RefreshConsents extends Construct {
  readonly machine: LiveMachine;
  readonly #failed: LambdaInvoke;

  constructor(scope: Construct, id: string, { name, steps, timeout, logs }: RefreshConsentsProps) {
    super(scope, id);
    this.#failed = recordFailure(this, {
      step: steps.recordFailure,
      about: { runId: '{% $exists($runId) ? $runId : null %}' },
      ending: {
        name: 'The run failed',
        cause: 'See the run in the ledger, its failure report, and the log of the step that failed.',
      },
    });

    // Open
    const openTheRun = this.#task('Open the run', {
      step: steps.openRun,
      payload: {
        execution: {
          id: '{% $states.context.Execution.Id %}',
          name: '{% $states.context.Execution.Name %}',
          startedAt: '{% $states.context.Execution.StartTime %}',
        },
        input: '{% $states.input %}',
      },
      timeout: Duration.minutes(1),
      // Longer than the daily drain has the mailbox, and than a step of an earlier run writes, even where they died.
      patience: {
        errors: ['MailboxBusy', 'WritesUnderWay'],
        interval: Duration.minutes(2),
        maxAttempts: 15,
        backoffRate: 1,
      },
      assign: {
        runId: result('runId'),
        disposition: result('disposition'),
        holder: result('holder'),
        isDryRun: result('isDryRun'),
        isReopened: result('isReopened'),
        isRebuild: result('isRebuild'),
        needsExport: result('needsExport'),
        exportWaitedSeconds: 0,
        mayImport: false,
        importWaitedSeconds: 0,
        waitSeconds: 300,
        waitedSeconds: 0,
        splits: 0,
        written: 0,
        incomplete: [],
        decision: 'none needed',
        failure: { name: 'UnexpectedError', message: 'No part says why it has no answer' },
      },
    });
    const mayItRun = Choice.jsonata(this, 'May it run?');
    openTheRun.next(mayItRun);

    // Build the cohort
    const exportNeeded = Choice.jsonata(this, 'By export?');
    mayItRun
      .when(Condition.jsonata("{% $disposition = 'duplicate' %}"), this.#end('Duplicate', 'Duplicate'))
      .when(Condition.jsonata("{% $disposition = 'already-running' %}"), this.#end('Already running', 'AlreadyRunning'))
      .otherwise(exportNeeded);
    const buildTheCohort = this.#task('Build the cohort', {
      step: steps.buildCohort,
      payload: { runId: '{% $runId %}' },
      timeout: Duration.minutes(16),
      assign: { parts: result('parts') },
    });
    exportNeeded
      .when(Condition.jsonata('{% $needsExport %}'), this.#exportPatients(steps, buildTheCohort))
      .otherwise(buildTheCohort);
    const anyoneToCheck = Choice.jsonata(this, 'Anyone to check?');
    buildTheCohort.next(anyoneToCheck);

    // Stage the requests, in rising sequence
    const stageTheRequests = this.#forParts('Stage the requests', 'Not staged', {
      name: 'Stage some requests',
      step: steps.stageRequest,
      payload: { runId: '{% $runId %}', parts: '{% $states.input %}', isReopened: '{% $isReopened %}' },
      timeout: Duration.minutes(6),
    });
    const isDryRun = Choice.jsonata(this, 'Dry run?');
    stageTheRequests.next(isDryRun);

    // Send them one after another: the service may check their order
    const sendTheRequests = this.#forParts('Send the requests', 'Not sent', {
      name: 'Send some requests',
      step: steps.sendRequest,
      payload: { ...runAndExecution, parts: '{% $states.input %}', waitedSeconds: '{% $waitedSeconds %}' },
      timeout: Duration.minutes(16),
      // Pieces are sent while replies are waited for, and an outage of some hours must not end that.
      patience: {
        ...{ errors: meshOutages, interval: Duration.minutes(1), maxAttempts: 14 },
        ...{ backoffRate: 2, maxDelay: Duration.minutes(15), jitterStrategy: JitterType.FULL },
      },
    });
    isDryRun
      .when(
        Condition.jsonata('{% $isDryRun %}'),
        this.#close('Close the dry run before sending', steps, 'DryRunCompleted'),
      )
      .otherwise(sendTheRequests);

    // Look at the inbox straight after sending, as MESH wants it, then wait and look again until nothing is out
    const waitForReplies = Wait.jsonata(this, 'Wait for replies', {
      time: WaitTime.seconds('{% $waitSeconds %}'),
      assign: { waitedSeconds: '{% $waitedSeconds + $waitSeconds %}' },
    });
    const checkTheInbox = this.#task('Check the inbox', {
      step: steps.checkInbox,
      payload: { ...runAndExecution, waitedSeconds: '{% $waitedSeconds %}' },
      timeout: Duration.minutes(6),
      assign: {
        waiting: result('waiting'),
        answered: result('answered'),
        rejected: result('rejected'),
        waitSeconds: result('waitSeconds'),
        failure: failureOrBefore,
      },
      // A reply is waited for over days: an outage of some hours must not end the run.
      catchFirst: (task) => task.addCatch(waitForReplies, { errors: meshOutages }),
    });
    // A piece can have no reply yet, and the sending has looked at the inbox: only so often can a run go round
    const arePieces = Choice.jsonata(this, 'Pieces of a rejected request?');
    sendTheRequests.next(arePieces);
    arePieces.when(Condition.jsonata('{% $splits > 0 %}'), waitForReplies).otherwise(checkTheInbox);
    // What has come since must not be asked for again
    const lookForLateReplies = this.#task('Look for late replies', {
      step: steps.checkInbox,
      payload: { ...runAndExecution, waitedSeconds: 0 },
      timeout: Duration.minutes(6),
    });
    lookForLateReplies.next(stageTheRequests);
    anyoneToCheck
      .when(Condition.jsonata('{% $count($parts) = 0 %}'), this.#close('Close without asking', steps, 'NothingToCheck'))
      .when(Condition.jsonata('{% $isRebuild %}'), this.#rebuild(steps))
      // A dry run over an earlier run asks nobody anything: it says what the answers at hand would change.
      .when(Condition.jsonata('{% $isDryRun and $isReopened %}'), checkTheInbox)
      .when(Condition.jsonata('{% $isReopened %}'), lookForLateReplies)
      .otherwise(stageTheRequests);
    const allAnswered = Choice.jsonata(this, 'All answered?');
    checkTheInbox.next(allAnswered);
    waitForReplies.next(checkTheInbox);
    const whatCameBack = Choice.jsonata(this, 'What came back?');
    // A rejected request need not wait for the answers to the others
    const splitTheRequest = this.#task('Split the rejected request', {
      step: steps.splitRequest,
      payload: { ...runAndExecution, splits: '{% $splits %}' },
      timeout: Duration.minutes(2),
      assign: { parts: result('parts'), splits: '{% $splits + 1 %}', waitSeconds: 300 },
    });
    const anyPieces = Choice.jsonata(this, 'Anything to ask again?');
    splitTheRequest.next(anyPieces);
    anyPieces.when(Condition.jsonata('{% $count($parts) = 0 %}'), checkTheInbox).otherwise(stageTheRequests);
    allAnswered
      .when(Condition.jsonata('{% $rejected > 0 and $not($isDryRun) %}'), splitTheRequest)
      .when(Condition.jsonata('{% $waiting > 0 %}'), waitForReplies)
      .otherwise(whatCameBack);

    // Reconcile what was answered; a part without a usable answer keeps what it had
    const reconcile = this.#reconcile(steps);
    whatCameBack
      .when(Condition.jsonata('{% $count($answered) > 0 %}'), reconcile)
      .when(
        Condition.jsonata('{% $isDryRun %}'),
        this.#close('Close the dry run without answers', steps, 'DryRunCompleted'),
      )
      .when(Condition.jsonata("{% $failure.name = 'ReplyOverdue' %}"), this.#failAs('Replies overdue'))
      .when(Condition.jsonata("{% $failure.name = 'RequestUndelivered' %}"), this.#failAs('Request not delivered'))
      .when(Condition.jsonata("{% $failure.name = 'SplitExhausted' %}"), this.#failAs('Splitting gave up'))
      .otherwise(this.#failAs('Reply not understood'));
    const weighTheChanges = this.#task('Weigh the changes', {
      step: steps.weighChanges,
      payload: { ...runAndExecution, refused: '{% $refused %}' },
      timeout: Duration.minutes(2),
      assign: {
        reconciled: result('reconciled'),
        reasons: result('reasons'),
        needsBulkImport: result('needsBulkImport'),
        isImporting: result('isImporting'),
        isFirst: result('isFirst'),
        files: result('files'),
        reviewSeconds: result('reviewSeconds'),
        failure: failureOrBefore,
      },
    });
    reconcile.next(weighTheChanges);
    const isItPlausible = Choice.jsonata(this, 'Is it plausible?');
    weighTheChanges.next(isItPlausible);

    // Hold what is unusual for a person
    const holdForReview = this.#task('Hold for review', {
      step: steps.holdForReview,
      payload: { ...runAndExecution, taskToken: '{% $states.context.Task.Token %}' },
      waitForToken: true,
      timeout: '{% $reviewSeconds %}',
      assign: { decision: "{% 'approved by ' & $states.result.by & ': ' & $states.result.reason %}" },
      catchFirst: (task) =>
        task.addCatch(
          this.#unavailable(
            'Review overdue',
            'ReviewOverdue',
            'Nobody approved or rejected the held run in time. Nothing was written: a resume holds it once more.',
          ),
          { errors: ['States.Timeout'] },
        ),
    });
    const tooMany = Choice.jsonata(this, 'Too many for batches?');
    isItPlausible
      .when(Condition.jsonata('{% $reconciled = 0 %}'), this.#failAs('No usable answer'))
      .when(Condition.jsonata('{% $isDryRun %}'), this.#close('Close the dry run', steps, 'DryRunCompleted'))
      .when(Condition.jsonata('{% $count($reasons) > 0 %}'), holdForReview)
      .otherwise(tooMany);
    holdForReview.next(tooMany);

    // Write: whoever is to be withheld first, so that a stop half-way withholds too much, never too little
    const writeTheActivations = this.#write('Write the activations', 'activations', steps);
    const writeTheOthers = this.#write('Write the other Consents', 'others', steps);
    const whoseAreThey = Choice.jsonata(this, 'Whose are they?');
    // An import overwrites whatever has its ids, so it is for a store that holds no Consent but ours
    const countThoseOfOthers = this.#task('Look for Consents of others', {
      step: steps.countConsents,
      payload: { runId: '{% $runId %}' },
      timeout: Duration.minutes(2),
      assign: {
        consentsInStore: result('consents'),
        mayImport: '{% $needsBulkImport and $states.result.Payload.areAllOurs %}',
      },
      catchFirst: (task) =>
        task.addCatch(whoseAreThey, { errors: countFailures, assign: { consentsInStore: null, mayImport: false } }),
    });
    countThoseOfOthers.next(whoseAreThey);
    // What a first run finds of ours, no snapshot names: some of it may be about people of whom nobody would know
    whoseAreThey
      .when(
        Condition.jsonata('{% $isFirst and $consentsInStore != 0 %}'),
        this.#unavailable(
          'Snapshot missing',
          'SnapshotMissing',
          'No snapshot says what the FHIR store holds, and it holds Consents of ours, or could not count them: rebuild the snapshot, then start a run. Nothing was written.',
        ),
      )
      .otherwise(writeTheActivations);
    const goOnWithTheImport = Pass.jsonata(this, 'Go on with the import', { assign: { mayImport: true } });
    goOnWithTheImport.next(writeTheActivations);
    tooMany
      .when(Condition.jsonata('{% $isImporting %}'), goOnWithTheImport)
      .when(Condition.jsonata('{% $needsBulkImport or $isFirst %}'), countThoseOfOthers)
      .otherwise(writeTheActivations);
    const importTheOthers = Choice.jsonata(this, 'Import the others?');
    writeTheActivations.next(importTheOthers);
    importTheOthers
      .when(
        Condition.jsonata('{% $mayImport and $count($files.others) > 0 %}'),
        this.#importOthers(steps, writeTheOthers),
      )
      .otherwise(writeTheOthers);

    // What the store did not take is still as it was: the snapshot must say so
    const allTaken = Choice.jsonata(this, 'Was all of it taken?');
    const correctTheSnapshot = this.#correct(steps);
    const closeTheRun = this.#close('Close the run', steps);
    writeTheOthers.next(allTaken);
    allTaken.when(Condition.jsonata('{% $count($incomplete) > 0 %}'), correctTheSnapshot).otherwise(closeTheRun);
    correctTheSnapshot.next(closeTheRun);

    this.machine = stepMachine(this, {
      name,
      comment: 'Refresh consents: ask who has opted out nationally, and write what changed to the FHIR store',
      start: openTheRun,
      timeout,
      logs,
    });
  }

  #task(name: string, { catchFirst, ...props }: CaughtTaskProps): LambdaInvoke {
    const task = stepTask(this, name, props);
    catchFirst?.(task);
    task.addCatch(this.#failed, intoFailure);
    return task;
  }

  /** Runs a task for some parts after the others; a failure inside fails the Map under its own name. */
  #forParts(name: string, failure: string, props: StepTaskProps & { readonly name: string }): Map {
    const map = Map.jsonata(this, name, {
      items: ProvideItems.jsonata(`{% $partition($parts, ${requestsPerStep}) %}`),
      maxConcurrency: 1,
      outputs: '{% $states.input %}',
    });
    map.itemProcessor(stepTask(this, props.name, props).addCatch(this.#rethrow(failure), { errors: ['States.ALL'] }));
    return map.addCatch(this.#failed, intoFailure);
  }

  /** Lets the FHIR store export its Patients, waits until it has, and reads what it wrote. */
  #exportPatients({ exportPatients, checkExport, readPatients }: Steps, next: LambdaInvoke): LambdaInvoke {
    const startTheExport = this.#task('Export the patients', {
      step: exportPatients,
      payload: runAndExecution,
      timeout: Duration.minutes(6),
    });
    const checkTheExport = this.#task('Check the export', {
      step: checkExport,
      payload: { ...runAndExecution, waitedSeconds: '{% $exportWaitedSeconds %}' },
      timeout: Duration.minutes(6),
      assign: {
        isExported: result('isExported'),
        groups: result('groups'),
        exportWaitSeconds: result('waitSeconds'),
      },
    });
    const waitForTheExport = Wait.jsonata(this, 'Wait for the export', {
      time: WaitTime.seconds('{% $exportWaitSeconds %}'),
      assign: { exportWaitedSeconds: '{% $exportWaitedSeconds + $exportWaitSeconds %}' },
    });
    const readThePatients = Map.jsonata(this, 'Read the patients', {
      items: ProvideItems.jsonata('{% $groups %}'),
      maxConcurrency: 8,
      outputs: '{% $states.input %}',
    });
    const readSome = stepTask(this, 'Read some patients', {
      step: readPatients,
      payload: { ...runAndExecution, group: '{% $states.input %}' },
      timeout: Duration.minutes(16),
    });
    readThePatients.itemProcessor(readSome.addCatch(this.#rethrow('Patients not read'), { errors: ['States.ALL'] }));
    startTheExport
      .next(checkTheExport)
      .next(
        Choice.jsonata(this, 'Exported?')
          .when(Condition.jsonata('{% $isExported %}'), readThePatients)
          .otherwise(waitForTheExport),
      );
    waitForTheExport.next(checkTheExport);
    readThePatients.addCatch(this.#failed, intoFailure).next(next);
    return startTheExport;
  }

  /** Lets the FHIR store import what others than batches can write, waits until it has, and looks what it left. */
  #importOthers({ writeImportFiles, startImport, checkImport, findUnimported }: Steps, next: Map): Map {
    const writeTheFiles = this.#forChangeFiles('Write the import files', 'Import files not written', {
      name: 'Write some import files',
      step: writeImportFiles,
    });
    const startTheImport = this.#task('Start the import', {
      step: startImport,
      payload: runAndExecution,
      timeout: Duration.minutes(6),
      assign: { isImportStarted: result('isStarted') },
    });
    const checkTheImport = this.#task('Check the import', {
      step: checkImport,
      payload: { ...runAndExecution, waitedSeconds: '{% $importWaitedSeconds %}' },
      timeout: Duration.minutes(6),
      assign: { isImported: result('isImported'), importWaitSeconds: result('waitSeconds') },
    });
    const waitForTheImport = Wait.jsonata(this, 'Wait for the import', {
      time: WaitTime.seconds('{% $importWaitSeconds %}'),
      assign: { importWaitedSeconds: '{% $importWaitedSeconds + $importWaitSeconds %}' },
    });
    const findWhatItLeft = this.#forChangeFiles('Find what the import left', 'Import not accounted for', {
      name: 'Find what it left of some files',
      step: findUnimported,
    });
    writeTheFiles
      .next(startTheImport)
      .next(
        Choice.jsonata(this, 'Anything to import?')
          .when(Condition.jsonata('{% $isImportStarted %}'), checkTheImport)
          .otherwise(next),
      );
    checkTheImport.next(
      Choice.jsonata(this, 'Imported?')
        .when(Condition.jsonata('{% $isImported %}'), findWhatItLeft)
        .otherwise(waitForTheImport),
    );
    waitForTheImport.next(checkTheImport);
    findWhatItLeft.next(next);
    return writeTheFiles;
  }

  /** Runs a task for some change files of the pass `others` at a time. */
  #forChangeFiles(name: string, failure: string, props: Pick<StepTaskProps, 'step'> & { readonly name: string }): Map {
    const map = Map.jsonata(this, name, {
      items: ProvideItems.jsonata(`{% $partition($files.others, ${changeFilesPerStep}) %}`),
      maxConcurrency: 4,
      outputs: '{% $states.input %}',
    });
    const task = stepTask(this, props.name, {
      step: props.step,
      payload: { ...runAndExecution, files: '{% $states.input %}' },
      timeout: Duration.minutes(16),
    });
    map.itemProcessor(task.addCatch(this.#rethrow(failure), { errors: ['States.ALL'] }));
    return map.addCatch(this.#failed, intoFailure);
  }

  /** An answer that is refused sets its part aside: the others are reconciled all the same. */
  #reconcile({ reconcilePart }: Steps): Map {
    const map = Map.jsonata(this, 'Reconcile', {
      items: ProvideItems.jsonata('{% $answered %}'),
      maxConcurrency: 4,
      assign: { refused: '{% [$states.result[$exists(failure)]] %}' },
      outputs: '{% $states.input %}',
    });
    const task = stepTask(this, 'Reconcile the part', {
      step: reconcilePart,
      payload: { runId: '{% $runId %}', part: '{% $states.input %}' },
      timeout: Duration.minutes(16),
      outputs: '{% $states.result.Payload %}',
    });
    task.addCatch(Pass.jsonata(this, 'Refuse the answer'), {
      errors: answerRefusals,
      outputs:
        "{% {'part': $states.input, 'failure': {'name': $states.errorOutput.Error, 'message': $parse($states.errorOutput.Cause).errorMessage}} %}",
    });
    map.itemProcessor(task.addCatch(this.#rethrow('Not reconciled'), { errors: ['States.ALL'] }));
    return map.addCatch(this.#failed, intoFailure);
  }

  /** Nobody is asked and nothing written: what the FHIR store holds becomes the snapshot. */
  #rebuild(steps: Steps): Map {
    const map = Map.jsonata(this, 'Rebuild the snapshot', {
      items: ProvideItems.jsonata('{% $parts %}'),
      // Two steps of four batches at once: HealthLake once had a limit of ten bundle calls a second.
      maxConcurrency: 2,
      outputs: '{% $states.input %}',
    });
    const task = stepTask(this, 'Rebuild the part', {
      step: steps.rebuildPart,
      payload: { ...runAndExecution, part: '{% $states.input %}' },
      timeout: Duration.minutes(16),
      assign: { isRebuilt: result('isRebuilt') },
    });
    const isAllRead = Choice.jsonata(this, 'All of it read?');
    const rebuilt = Pass.jsonata(this, 'Part rebuilt');
    map.itemProcessor(task.addCatch(this.#rethrow('Not rebuilt'), { errors: ['States.ALL'] }).next(isAllRead));
    isAllRead.when(Condition.jsonata('{% $isRebuilt %}'), rebuilt).otherwise(task);
    const close = this.#close('Close the rebuild', steps, 'SnapshotRebuilt', {
      consentsInStore: '{% $consentsInStore %}',
    });
    const count = this.#task('Count the Consents', {
      step: steps.countConsents,
      payload: { runId: '{% $runId %}' },
      timeout: Duration.minutes(2),
      assign: { consentsInStore: result('consents') },
      // The count is for the report alone: a store that cannot count has been read all the same.
      catchFirst: (task) => task.addCatch(close, { errors: countFailures, assign: { consentsInStore: null } }),
    });
    count.next(close);
    map.addCatch(this.#failed, intoFailure).next(count);
    return map;
  }

  #write(name: string, pass: 'activations' | 'others', { writeConsents }: Steps): Map {
    const map = Map.jsonata(this, name, {
      items: ProvideItems.jsonata(`{% $files.${pass} %}`),
      maxConcurrency: filesAtOnce,
      assign: {
        written: '{% $written + $sum([$states.result.written]) %}',
        incomplete: '{% [$distinct($append($incomplete, $states.result[setAside > 0].part))] %}',
      },
      outputs: '{% $states.input %}',
    });
    const task = stepTask(this, `${name} of a file`, {
      step: writeConsents,
      payload: { ...runAndExecution, pass, part: '{% $states.input.part %}', file: '{% $states.input.file %}' },
      timeout: Duration.minutes(16),
      outputs: '{% $states.result.Payload %}',
    });
    map.itemProcessor(task.addCatch(this.#rethrow(`${name}: stopped`), { errors: ['States.ALL'] }));
    return map.addCatch(this.#failed, intoFailure);
  }

  #correct({ correctSnapshot }: Steps): Map {
    const map = Map.jsonata(this, 'Correct the snapshot', {
      items: ProvideItems.jsonata('{% $incomplete %}'),
      maxConcurrency: 4,
      outputs: '{% $states.input %}',
    });
    const task = stepTask(this, 'Correct the part', {
      step: correctSnapshot,
      payload: { ...runAndExecution, part: '{% $states.input %}' },
      timeout: Duration.minutes(16),
    });
    map.itemProcessor(task.addCatch(this.#rethrow('Not corrected'), { errors: ['States.ALL'] }));
    return map.addCatch(this.#failed, intoFailure);
  }

  #close(name: string, { closeRun }: Steps, outcome?: string, about: Record<string, unknown> = {}): LambdaInvoke {
    return this.#task(name, {
      step: closeRun,
      payload: {
        ...runAndExecution,
        written: '{% $written %}',
        decision: '{% $decision %}',
        ...(outcome === undefined ? {} : { outcome }),
        ...about,
      },
      timeout: Duration.minutes(2),
      outputs: '{% $states.result.Payload %}',
    });
  }

  /** Ends an execution that was not to run: no failure, and the run that goes before it is named. */
  #end(name: string, outcome: string): Succeed {
    return Succeed.jsonata(this, name, { outputs: { outcome, runId: '{% $runId %}', holder: '{% $holder %}' } });
  }

  /** A way that ends the run under a name of its own. */
  #unavailable(name: string, error: string, cause: string): Pass {
    const pass = Pass.jsonata(this, name, {
      assign: { stopped: { error: { Error: error, Cause: cause }, stage: name } },
    });
    pass.next(this.#failed);
    return pass;
  }

  /** A way that ends the run for what became of its parts. */
  #failAs(name: string): Pass {
    const error = { Error: '{% $failure.name %}', Cause: '{% $failure.message %}' };
    const pass = Pass.jsonata(this, name, { assign: { stopped: { error, stage: name } } });
    pass.next(this.#failed);
    return pass;
  }

  /** Inside a Map: ends the iteration, and so the Map, under the error that its task ended with. */
  #rethrow(name: string): Fail {
    return Fail.jsonata(this, name, {
      error: '{% $states.input.Error %}',
      cause: "{% $exists($states.input.Cause) ? $states.input.Cause : '' %}",
    });
  }
}

interface CaughtTaskProps extends StepTaskProps {
  /** Catches that go before the one into the failure. */
  readonly catchFirst?: (task: LambdaInvoke) => void;
}
