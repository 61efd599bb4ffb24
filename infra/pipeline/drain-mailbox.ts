import { Duration } from 'aws-cdk-lib';
import { Choice, Condition, Succeed, type StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { recordFailure } from './record-failure.ts';
import { stepMachine } from './step-machine.ts';
import { stepTask } from './step-task.ts';
import type { Steps } from './steps.ts';

/**
 * The state machine "Drain the mailbox", once a day: handshake, store and acknowledge whatever waits, attach late replies
 * to the runs that they answer. It steps aside where a run has the mailbox.
 */
export class DrainMailbox extends Construct {
  readonly stateMachine: StateMachine;

  constructor(scope: Construct, id: string, { steps }: { readonly steps: Steps }) {
    super(scope, id);
    const drain = stepTask(this, 'Drain the mailbox', {
      step: steps.drainMailbox,
      payload: { execution: '{% $states.context.Execution.Id %}' },
      timeout: Duration.minutes(16),
      outputs: '{% $states.result.Payload %}',
    });
    const outcome = (name: string, said: string) =>
      Succeed.jsonata(this, name, { outputs: `{% $merge([$states.input, {'outcome': '${said}'}]) %}` });
    drain.next(
      Choice.jsonata(this, 'Was it free?')
        .when(Condition.jsonata("{% $states.input.disposition = 'drained' %}"), outcome('Drained', 'Drained'))
        .otherwise(outcome('Stepped aside', 'SteppedAside')),
    );

    const record = recordFailure(this, {
      step: steps.recordFailure,
      about: { runId: null, what: 'the daily drain of the mailbox', stage: 'Drain the mailbox' },
      ending: {
        name: 'The drain failed',
        cause:
          'See the log of drain-mailbox. Messages that were not taken in still wait, for five days from their arrival.',
      },
    });
    drain.addCatch(record, { errors: ['States.ALL'], assign: { error: '{% $states.errorOutput %}' } });

    this.stateMachine = stepMachine(this, {
      comment: 'Drain the mailbox: store and acknowledge whatever waits in the MESH inbox between runs',
      start: drain,
      timeout: Duration.hours(2),
    });
  }
}
