import { createHash } from 'node:crypto';
import type { MeshStandIn } from '../mesh/mesh.ts';
import type { MeshMessage } from '../mesh/message.ts';
import { type AnswerBody, answerBody } from './answer.ts';
import { jobNotice, type Stage } from './notice.ts';
import { type NdopRequest, parseRequest } from './request.ts';

/** The one workflow of request, notice and answer. */
const ndopWorkflow = 'SPINE_NTT_UPHOLDING';

/** What the service does with a request; each but the first is one deviation. */
export type NdopBehaviour =
  | 'happy'
  | 'notice-after-answer'
  | 'no-notice'
  | 'duplicate-answer'
  | 'conflicting-answers'
  | 'rejects-everything'
  | 'empty-answer'
  | 'everyone-opted-out'
  | 'stranger-in-answer'
  | 'truncated-answer'
  | 'malformed-answer'
  | 'undelivered'
  | 'job-refused'
  | 'no-answer'
  | 'foreign-messages'
  | 'shuffled-answer';

export interface NdopOptions {
  readonly mesh: Pick<MeshStandIn, 'onAccepted' | 'deliver' | 'acknowledge' | 'reportNonDelivery'>;
  /** The service's own mailbox, in upper case. */
  readonly mailboxId: string;
  readonly isOptedOut: (nhsNumber: string) => boolean;
  /** Numbers that pass every check of their form and are invalid to the service all the same: every number is known where not given. */
  readonly isKnown?: (nhsNumber: string) => boolean;
  /** What it does with every request, or with each by its LocalID. */
  readonly behaviour: NdopBehaviour | ((localId: string) => NdopBehaviour);
  /** From the acceptance of the request to the job notice. */
  readonly noticeAfterMs: number;
  /** From the acceptance of the request to the answer. Nothing overtakes what the behaviour puts before it. */
  readonly answerAfterMs: number;
  /** Nor does any answer come before this settles. */
  readonly answersOnce?: Promise<unknown>;
}

/** One thing the service does about a request. */
type Step =
  | { readonly does: 'notice'; readonly failedStage?: Stage }
  | { readonly does: 'answer'; readonly form: AnswerBody }
  | { readonly does: 'foreign' }
  | { readonly does: 'undelivered' };

const notice: Step = { does: 'notice' };
const answer = (form: AnswerBody): Step => ({ does: 'answer', form });

const plans: Readonly<Record<NdopBehaviour, readonly Step[]>> = {
  happy: [notice, answer('right')],
  'notice-after-answer': [answer('right'), notice],
  'no-notice': [answer('right')],
  'duplicate-answer': [notice, answer('right'), answer('right')],
  'conflicting-answers': [notice, answer('right'), answer('one-person-flipped')],
  'rejects-everything': [notice, answer('rejection')],
  'empty-answer': [notice, answer('zero-bytes')],
  'everyone-opted-out': [notice, answer('bare-line-end')],
  'stranger-in-answer': [notice, answer('with-a-stranger')],
  'truncated-answer': [notice, answer('truncated')],
  'malformed-answer': [notice, answer('with-junk')],
  undelivered: [{ does: 'undelivered' }],
  'job-refused': [{ does: 'notice', failedStage: 'validate_in_order' }],
  'no-answer': [notice],
  'foreign-messages': [{ does: 'foreign' }, notice, answer('right')],
  'shuffled-answer': [notice, answer('shuffled')],
};

/** Without both of these, of these characters only, the service has never been seen to reply. */
const answerable = /^[A-Za-z0-9_-]+$/;

/** Answers each request in a mailbox as NHS England's Check for National Data Opt-outs Service would. */
export function answerAsNdop(options: NdopOptions): { close(): void } {
  const { mesh, mailboxId, isOptedOut, isKnown = () => true, noticeAfterMs, answerAfterMs, answersOnce } = options;
  const timers = new Set<NodeJS.Timeout>();
  const uploads = new Set<string>();
  let lastJobId = 90_000_000;
  let isClosed = false;

  const later = (delayMs: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, delayMs).unref();
    timers.add(timer);
  };

  const reply = (request: MeshMessage, subject: string, body: Buffer): void => {
    const { from = '', localId = '' } = request;
    mesh.deliver({
      from: mailboxId,
      to: from,
      workflowId: ndopWorkflow,
      localId,
      subject,
      fileName: `${localId}.dat`,
      body,
    });
  };

  const take = (step: Step, request: MeshMessage, parsed: NdopRequest): void => {
    if (step.does === 'undelivered') {
      const description = 'Message not collected by recipient after 5 days';
      mesh.reportNonDelivery(request.messageId, { code: '14', description });
      return;
    }
    mesh.acknowledge(request.messageId);
    switch (step.does) {
      case 'notice':
        lastJobId += 1;
        // The subject stays SUCCESS even for a refused job, which nobody outside has seen: only the body tells.
        reply(request, 'SUCCESS', jobNotice(request, lastJobId, step.failedStage));
        return;
      case 'answer':
        reply(request, request.subject ?? '', answerBody(step.form, parsed, isOptedOut));
        return;
      case 'foreign':
        deliverForeign(mesh, mailboxId, request, parsed);
        return;
    }
  };

  const stop = mesh.onAccepted((message) => {
    if (message.to !== mailboxId || message.workflowId !== ndopWorkflow || message.from === undefined) return;
    if (!answerable.test(message.localId ?? '') || !answerable.test(message.subject ?? '')) {
      mesh.acknowledge(message.messageId);
      return;
    }
    const behaviour =
      typeof options.behaviour === 'string' ? options.behaviour : options.behaviour(message.localId ?? '');
    // A copy holds the body decoded, where the message itself decodes it at each reading.
    const request = { ...message };
    // Behind a mailbox that nobody empties there is no service that could know an upload again.
    const failedStage = behaviour === 'undelivered' ? undefined : refusedAt(uploads, message.from, request.body);
    const plan: readonly Step[] = failedStage ? [{ does: 'notice', failedStage }] : plans[behaviour];
    const parsed = parseRequest(request.body, isKnown);
    const started = performance.now();
    // One step after the other, so that two of the same moment keep their order.
    const run = ([step, ...rest]: readonly Step[], earliestMs: number): void => {
      if (!step) return;
      const isEarly = step.does === 'notice' || step.does === 'foreign';
      const dueMs = Math.max(earliestMs, isEarly ? noticeAfterMs : answerAfterMs);
      const whenDue = (): void => {
        if (isClosed) return;
        later(Math.max(0, dueMs - (performance.now() - started)), () => {
          take(step, request, parsed);
          run(rest, dueMs);
        });
      };
      if (isEarly || answersOnce === undefined) whenDue();
      else void answersOnce.then(whenDue);
    };
    run(plan, 0);
  });

  return {
    close: () => {
      isClosed = true;
      stop();
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

/** Remembers each upload; the stage at which one is refused before any job, if it is. */
function refusedAt(uploads: Set<string>, from: string, body: Buffer): Stage | undefined {
  if (body.length === 0) return 'validate_non_empty_file';
  const upload = `${from} ${createHash('sha256').update(body).digest('hex')}`;
  if (uploads.has(upload)) return 'validate_is_unique_upload';
  uploads.add(upload);
  return undefined;
}

/** Three messages that resemble the answer and are not: each claims that nobody has opted out. */
function deliverForeign(mesh: NdopOptions['mesh'], mailboxId: string, request: MeshMessage, parsed: NdopRequest): void {
  const body = answerBody('right', parsed, () => false);
  const { from: to = '', localId = '', subject = '' } = request;
  const stranger = 'ZZ9OT001';
  mesh.deliver({ from: stranger, to, workflowId: 'SOME_OTHER_WORKFLOW', localId, subject, body });
  mesh.deliver({ from: stranger, to, workflowId: ndopWorkflow, localId, subject, body });
  mesh.deliver({ from: mailboxId, to, workflowId: ndopWorkflow, localId: `${localId}-NOBODY`, subject, body });
}
