import { isDeepStrictEqual } from 'node:util';

/** One visit to one state of a synthesized definition: what it is given, and what must come of it. */
export interface StateCase {
  readonly machine: 'refresh' | 'drain';
  readonly state: string;
  readonly about: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly input?: unknown;
  /** Of a Task what its function returns; of a Map what its iterations gave. */
  readonly result?: unknown;
  /** What the Task or Map ends with instead, its retries used up. */
  readonly failure?: string;
  readonly expected: Expected;
}

export interface Expected {
  /** The state to go on with; of an end, none. */
  readonly next?: string;
  /** Of a Fail. */
  readonly error?: string;
  readonly output?: unknown;
  /** What these variables hold afterwards; others may hold anything. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

type Case = Omit<StateCase, 'machine' | 'state' | 'about'> & { readonly about: string };

const cases = (machine: StateCase['machine'], state: string, ...given: readonly Case[]): StateCase[] =>
  given.map((one) => ({ machine, state, ...one }));

const goesTo = (about: string, variables: Readonly<Record<string, unknown>>, next: string): Case => ({
  about,
  variables,
  expected: { next },
});

const mailbox = { runId: '20260901T020000Z-7f3a', waitedSeconds: 600 };
const noAnswer = { name: 'UnexpectedError', message: 'No part says why it has no answer' };

/**
 * The states that decide something, and the expressions that reckon. The local interpreter and Step Functions' TestState
 * must agree on each.
 */
export const stateCases: readonly StateCase[] = [
  ...cases(
    'refresh',
    'May it run?',
    goesTo('one that has run', { disposition: 'duplicate' }, 'Duplicate'),
    goesTo('the mailbox taken', { disposition: 'already-running' }, 'Already running'),
    goesTo('a run of its own', { disposition: 'opened' }, 'By export?'),
  ),
  ...cases(
    'refresh',
    'Anyone to check?',
    goesTo('nobody', { parts: [], isRebuild: true, isDryRun: true, isReopened: true }, 'Close without asking'),
    goesTo('a rebuild', { parts: [1], isRebuild: true, isDryRun: false, isReopened: false }, 'Rebuild the snapshot'),
    goesTo(
      'a dry run over an earlier run',
      { parts: [1], isRebuild: false, isDryRun: true, isReopened: true },
      'Check the inbox',
    ),
    goesTo('a resume', { parts: [1], isRebuild: false, isDryRun: false, isReopened: true }, 'Look for late replies'),
    goesTo('a new run', { parts: [1, 2], isRebuild: false, isDryRun: false, isReopened: false }, 'Stage the requests'),
    goesTo('a new dry run', { parts: [1], isRebuild: false, isDryRun: true, isReopened: false }, 'Stage the requests'),
  ),
  ...cases(
    'refresh',
    'All answered?',
    goesTo('a rejection', { rejected: 1, waiting: 3, isDryRun: false }, 'Split the rejected request'),
    goesTo('a rejection, in a dry run', { rejected: 1, waiting: 0, isDryRun: true }, 'What came back?'),
    goesTo('some are out', { rejected: 0, waiting: 3, isDryRun: false }, 'Wait for replies'),
    goesTo('all are there', { rejected: 0, waiting: 0, isDryRun: false }, 'What came back?'),
  ),
  ...cases(
    'refresh',
    'What came back?',
    goesTo('one answer', { answered: [4], isDryRun: false, failure: noAnswer }, 'Reconcile'),
    goesTo(
      'none, in a dry run',
      { answered: [], isDryRun: true, failure: noAnswer },
      'Close the dry run without answers',
    ),
    ...Object.entries({
      ReplyOverdue: 'Replies overdue',
      RequestUndelivered: 'Request not delivered',
      SplitExhausted: 'Splitting gave up',
      RequestRejected: 'Reply not understood',
    }).map(([name, next]) =>
      goesTo(`none: ${name}`, { answered: [], isDryRun: false, failure: { name, message: '' } }, next),
    ),
  ),
  ...cases(
    'refresh',
    'Is it plausible?',
    goesTo('nothing usable', { reconciled: 0, isDryRun: true, reasons: ['a'] }, 'No usable answer'),
    goesTo('a dry run', { reconciled: 1, isDryRun: true, reasons: ['a'] }, 'Close the dry run'),
    goesTo('unusual', { reconciled: 1, isDryRun: false, reasons: ['a'] }, 'Hold for review'),
    goesTo('as usual', { reconciled: 1, isDryRun: false, reasons: [] }, 'Too many for batches?'),
  ),
  ...cases(
    'refresh',
    'Too many for batches?',
    goesTo(
      'an import is under way',
      { isImporting: true, needsBulkImport: false, isFirst: false },
      'Go on with the import',
    ),
    goesTo('too many', { isImporting: false, needsBulkImport: true, isFirst: false }, 'Look for Consents of others'),
    goesTo('a first run', { isImporting: false, needsBulkImport: false, isFirst: true }, 'Look for Consents of others'),
    goesTo('few', { isImporting: false, needsBulkImport: false, isFirst: false }, 'Write the activations'),
  ),
  ...cases(
    'refresh',
    'Look for Consents of others',
    {
      about: 'lets no few be imported, whosever the others are',
      variables: { runId: 'mine', needsBulkImport: false, mayImport: false },
      result: { consents: 0, areAllOurs: true },
      expected: { next: 'Whose are they?', variables: { consentsInStore: 0, mayImport: false } },
    },
    {
      about: 'lets many be imported where all are ours',
      variables: { runId: 'mine', needsBulkImport: true, mayImport: false },
      result: { consents: 3, areAllOurs: true },
      expected: { next: 'Whose are they?', variables: { consentsInStore: 3, mayImport: true } },
    },
    {
      about: 'knows of none where they could not be counted',
      variables: { runId: 'mine', needsBulkImport: true, mayImport: false },
      failure: 'HealthLakeUnavailable',
      expected: { next: 'Whose are they?', variables: { consentsInStore: null, mayImport: false } },
    },
  ),
  ...cases(
    'refresh',
    'Whose are they?',
    goesTo('a first run over an empty store', { isFirst: true, consentsInStore: 0 }, 'Write the activations'),
    goesTo('a first run over Consents of ours', { isFirst: true, consentsInStore: 3 }, 'Snapshot missing'),
    goesTo('a first run over who knows what', { isFirst: true, consentsInStore: null }, 'Snapshot missing'),
    goesTo('a later run', { isFirst: false, consentsInStore: 3 }, 'Write the activations'),
  ),
  ...cases(
    'refresh',
    'Import the others?',
    goesTo('some', { mayImport: true, files: { others: [{ part: 1, file: 1 }] } }, 'Write the import files'),
    goesTo('none', { mayImport: true, files: { others: [] } }, 'Write the other Consents'),
    goesTo(
      'Consents of others',
      { mayImport: false, files: { others: [{ part: 1, file: 1 }] } },
      'Write the other Consents',
    ),
  ),
  ...cases('refresh', 'Wait for replies', {
    about: 'counts what was waited',
    variables: { waitSeconds: 1, waitedSeconds: 600 },
    expected: { next: 'Check the inbox', variables: { waitedSeconds: 601 } },
  }),
  ...cases(
    'refresh',
    'Check the inbox',
    {
      about: 'keeps the failure that it knew',
      variables: { ...mailbox, failure: noAnswer },
      result: { waiting: 0, answered: [1], rejected: 0, waitSeconds: 300 },
      expected: { next: 'All answered?', variables: { answered: [1], waitSeconds: 300, failure: noAnswer } },
    },
    {
      about: 'takes a newer failure',
      variables: { ...mailbox, failure: noAnswer },
      result: {
        waiting: 0,
        answered: [],
        rejected: 0,
        waitSeconds: 300,
        failure: { name: 'ReplyOverdue', message: 'm' },
      },
      expected: { variables: { failure: { name: 'ReplyOverdue', message: 'm' } }, next: 'All answered?' },
    },
    {
      about: 'waits on where MESH is away',
      variables: { ...mailbox, failure: noAnswer },
      failure: 'MeshUnavailable',
      expected: { next: 'Wait for replies' },
    },
    {
      about: 'ends where the mailbox was lost',
      variables: { ...mailbox, failure: noAnswer },
      failure: 'LeaseLost',
      expected: { next: 'Record the failure' },
    },
  ),
  ...cases(
    'refresh',
    'Write the other Consents',
    {
      about: 'sums what was written, and names each part once that is not whole',
      variables: { files: { others: [] }, written: 10, incomplete: [2] },
      result: [
        { part: 1, written: 5, setAside: 0 },
        { part: 2, written: 4, setAside: 1 },
        { part: 3, written: 0, setAside: 7 },
      ],
      expected: { next: 'Was all of it taken?', variables: { written: 19, incomplete: [2, 3] } },
    },
    {
      about: 'of no files',
      variables: { files: { others: [] }, written: 10, incomplete: [] },
      result: [],
      expected: { next: 'Was all of it taken?', variables: { written: 10, incomplete: [] } },
    },
    {
      about: 'of one file',
      variables: { files: { others: [] }, written: 0, incomplete: [] },
      result: [{ part: 1, written: 5, setAside: 2 }],
      expected: { next: 'Was all of it taken?', variables: { written: 5, incomplete: [1] } },
    },
  ),
  ...cases(
    'refresh',
    'Reconcile',
    {
      about: 'sets the refused answers aside',
      variables: { answered: [1, 2] },
      result: [{ part: 1 }, { part: 2, failure: { name: 'ReplyTruncated', message: 'm' } }],
      expected: {
        next: 'Weigh the changes',
        variables: { refused: [{ part: 2, failure: { name: 'ReplyTruncated', message: 'm' } }] },
      },
    },
    {
      about: 'has none to set aside',
      variables: { answered: [1] },
      result: [{ part: 1 }],
      expected: { next: 'Weigh the changes', variables: { refused: [] } },
    },
  ),
  ...cases('refresh', 'Replies overdue', {
    about: 'remembers what failed, and where',
    variables: { failure: { name: 'ReplyOverdue', message: 'm' } },
    expected: {
      next: 'Record the failure',
      variables: { stopped: { error: { Error: 'ReplyOverdue', Cause: 'm' }, stage: 'Replies overdue' } },
    },
  }),
  ...cases('refresh', 'Record the failure', {
    about: 'before there is a run',
    variables: { stopped: { error: { Error: 'StateInputInvalid', Cause: 'm' }, stage: 'Open the run' } },
    result: {},
    expected: { next: 'The run failed' },
  }),
  ...cases('refresh', 'The run failed', {
    about: 'under the name of its error',
    variables: { stopped: { error: { Error: 'ReplyOverdue', Cause: 'm' }, stage: 'Replies overdue' } },
    expected: { error: 'ReplyOverdue' },
  }),
  ...cases('refresh', 'Already running', {
    about: 'names who holds the mailbox',
    variables: { runId: 'mine', holder: 'theirs' },
    expected: { output: { outcome: 'AlreadyRunning', runId: 'mine', holder: 'theirs' } },
  }),
  ...cases('drain', 'Drain the mailbox', {
    about: 'goes on where MESH refuses',
    failure: 'MeshAuthenticationRefused',
    expected: { next: 'Check the freshness', variables: { drained: null, expired: [] } },
  }),
  ...cases(
    'drain',
    'Has anything expired?',
    goesTo('something', { due: [{}] }, 'Expire the Consents'),
    goesTo('nothing', { due: [] }, 'Was it free?'),
  ),
  ...cases(
    'drain',
    'Was it free?',
    goesTo('drained', { drained: { disposition: 'drained' } }, 'Drained'),
    goesTo('a run has it', { drained: { disposition: 'stepped-aside' } }, 'Stepped aside'),
    goesTo(
      'MESH refused',
      { drained: null, stopped: { error: { Error: 'E' }, stage: 'Drain the mailbox' } },
      'Record the failure',
    ),
  ),
  ...cases(
    'drain',
    'Drained',
    {
      about: 'says that nothing was deleted',
      variables: { drained: { stored: 2 } },
      expected: { output: { stored: 2, outcome: 'Drained', deleted: 0 } },
    },
    {
      about: 'says how many were deleted',
      variables: { drained: { stored: 2 }, deleted: 7 },
      expected: { output: { stored: 2, outcome: 'Drained', deleted: 7 } },
    },
  ),
];

/** What is different about what came of a state, or nothing. */
export function difference({ expected }: StateCase, got: Expected): string | undefined {
  const same = (one: unknown, other: unknown) => isDeepStrictEqual(one, other);
  const wrong = [
    ...(got.next === expected.next ? [] : [`went to ${got.next ?? 'its end'}, not to ${expected.next ?? 'its end'}`]),
    ...(got.error === expected.error ? [] : [`ended with ${got.error ?? 'no error'}, not ${expected.error ?? 'none'}`]),
    ...(expected.output === undefined || same(got.output, expected.output) ? [] : ['gave another output']),
    ...Object.entries(expected.variables ?? {})
      .filter(([name, value]) => !same(got.variables?.[name], value))
      .map(([name]) => `assigned something else to $${name}`),
  ];
  return wrong.length === 0 ? undefined : wrong.join('; ');
}
