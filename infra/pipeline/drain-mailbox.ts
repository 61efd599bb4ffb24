import { Duration } from 'aws-cdk-lib';
import {
  Choice,
  Condition,
  Fail,
  Map,
  Pass,
  ProvideItems,
  Succeed,
  type CatchProps,
} from 'aws-cdk-lib/aws-stepfunctions';
import type { LambdaInvoke } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { recordFailure, remembered } from './record-failure.ts';
import type { PipelineLogs } from './pipeline-logs.ts';
import { stepMachine, type LiveMachine } from './step-machine.ts';
import { stepTask } from './step-task.ts';
import type { Steps } from './steps.ts';

export interface DrainMailboxProps {
  readonly name: string;
  readonly steps: Steps;
  readonly logs: PipelineLogs;
}

/** Which execution has the mailbox, and the moment for which the age of answers is judged. */
const executionAndStart = {
  execution: '{% $states.context.Execution.Id %}',
  at: '{% $states.context.Execution.StartTime %}',
};

/** The last resort of every state: remember what happened and where. */
const intoFailure: CatchProps = { errors: ['States.ALL'], assign: remembered };

/**
 * The state machine "Drain the mailbox", once a day: handshake, store and acknowledge whatever waits, attach late replies
 * to the runs that they answer. It steps aside where a run has the mailbox. Then it says how old the answers are that the
 * Consents rest on, and deletes what is too old to stand, whatever has become of the mailbox.
 */
export class DrainMailbox extends Construct {
  readonly machine: LiveMachine;
  readonly #failed: LambdaInvoke;

  constructor(scope: Construct, id: string, { name, steps, logs }: DrainMailboxProps) {
    super(scope, id);
    this.#failed = recordFailure(this, {
      step: steps.recordFailure,
      about: { runId: null, what: 'the daily drain of the mailbox' },
      ending: {
        name: 'The drain failed',
        cause:
          'See the log of the step that failed. Messages that were not taken in still wait, for five days from their arrival.',
      },
    });
    const drain = stepTask(this, 'Drain the mailbox', {
      step: steps.drainMailbox,
      payload: { execution: executionAndStart.execution },
      timeout: Duration.minutes(16),
      assign: { drained: '{% $states.result.Payload %}', expired: [] },
    });
    const check = stepTask(this, 'Check the freshness', {
      step: steps.checkFreshness,
      payload: executionAndStart,
      timeout: Duration.minutes(2),
      assign: { due: '{% $states.result.Payload.due %}' },
    });
    // What MESH is busy with must not keep anything that is too old.
    drain.addCatch(check, { errors: ['States.ALL'], assign: { ...remembered, drained: null, expired: [] } });
    const record = stepTask(this, 'Record what expired', {
      step: steps.recordExpiry,
      payload: { ...executionAndStart, expired: '{% $expired %}' },
      timeout: Duration.minutes(16),
      assign: { deleted: '{% $states.result.Payload.deleted %}' },
    });
    const end = this.#end();
    const expire = this.#expire(steps);
    drain
      .next(check.addCatch(this.#failed, intoFailure))
      .next(
        Choice.jsonata(this, 'Has anything expired?')
          .when(Condition.jsonata('{% $count($due) > 0 %}'), expire)
          .otherwise(end),
      );
    expire.next(record.addCatch(this.#failed, intoFailure)).next(end);

    this.machine = stepMachine(this, {
      name,
      comment:
        'Drain the mailbox: store and acknowledge whatever waits in the MESH inbox between runs, and delete Consents whose answers are too old',
      start: drain,
      // The next day's goes on where this one was ended.
      timeout: Duration.hours(22),
      logs,
    });
  }

  /** One piece after another: the step itself has as many Bundles on their way as the FHIR store is to be given. */
  #expire({ expireConsents }: Steps): Map {
    const map = Map.jsonata(this, 'Expire the Consents', {
      items: ProvideItems.jsonata('{% $due %}'),
      maxConcurrency: 1,
      assign: { expired: '{% $states.result %}' },
      outputs: '{% $states.input %}',
    });
    const task = stepTask(this, 'Expire some Consents', {
      step: expireConsents,
      payload: { ...executionAndStart, due: '{% $states.input %}' },
      timeout: Duration.minutes(16),
      outputs: '{% $states.result.Payload %}',
    });
    const stopped = Fail.jsonata(this, 'Not expired', {
      error: '{% $states.input.Error %}',
      cause: "{% $exists($states.input.Cause) ? $states.input.Cause : '' %}",
    });
    const isAllDone = Choice.jsonata(this, 'All of it gone?');
    map.itemProcessor(task.addCatch(stopped, { errors: ['States.ALL'] }).next(isAllDone));
    isAllDone
      .when(Condition.jsonata('{% $states.input.isDone %}'), Pass.jsonata(this, 'Stretch expired'))
      .otherwise(task);
    return map.addCatch(this.#failed, intoFailure);
  }

  #end(): Choice {
    const outcome = (name: string, said: string) =>
      Succeed.jsonata(this, name, {
        outputs: `{% $merge([$drained, {'outcome': '${said}', 'deleted': $exists($deleted) ? $deleted : 0}]) %}`,
      });
    return Choice.jsonata(this, 'Was it free?')
      .when(Condition.jsonata('{% $exists($stopped) %}'), this.#failed)
      .when(Condition.jsonata("{% $drained.disposition = 'drained' %}"), outcome('Drained', 'Drained'))
      .otherwise(outcome('Stepped aside', 'SteppedAside'));
  }
}
