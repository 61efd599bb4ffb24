import type { ScenarioName } from '../scenarios.ts';

export interface Play {
  readonly scenario: ScenarioName;
  /** Outcome or error of each execution: another one is a finding. */
  readonly ends: readonly string[];
  /** As few as make a held run, a rejection and three parts, where nothing is said. */
  readonly people?: number;
}

/**
 * They lead through every state and every way to fail that calls a service of its own; the others differ by replies. Of
 * several that need the same, the quickest comes first.
 */
export const plays: readonly Play[] = [
  { scenario: 'happy', ends: ['Completed'] },
  { scenario: 'noom', ends: ['Completed'] },
  { scenario: 'bulk-import', ends: ['Completed'] },
  { scenario: 'patients-by-search', ends: ['Completed'] },
  { scenario: 'held-and-approved', ends: ['Completed'] },
  { scenario: 'job-refused', ends: ['JobRefused'] },
  { scenario: 'export-answer-lost', ends: ['Completed'] },
  { scenario: 'send-answer-lost', ends: ['Completed'] },
  { scenario: 'left-cohort', ends: ['Completed', 'Completed'] },
  { scenario: 'end-forgotten', ends: ['Completed', 'Completed'] },
  { scenario: 'two-runs-at-once', ends: ['Completed', 'AlreadyRunning'] },
  { scenario: 'one-part-resumed', ends: ['CompletedPartially', 'Completed'] },
  { scenario: 'write-refused', ends: ['ConsentWritesRefused', 'Completed'] },
  { scenario: 'snapshot-lost', ends: ['SnapshotRebuilt', 'Completed'] },
  { scenario: 'write-stopped-rebuilt', ends: ['HealthLakeRefused', 'SnapshotRebuilt', 'Completed'] },
  { scenario: 'rebuild-resumed', ends: ['HealthLakeRefused', 'SnapshotRebuilt', 'Completed'] },
  { scenario: 'late-answer', ends: ['ReplyOverdue', 'Drained', 'Completed'] },
  { scenario: 'import-with-errors', ends: ['CompletedWithFailures', 'Completed'] },
  { scenario: 'import-refused', ends: ['ConsentImportFailed', 'RunUnfinished', 'Completed'] },
  { scenario: 'import-aborted', ends: ['ABORTED', 'Drained', 'SnapshotRebuilt', 'Completed'] },
  { scenario: 'expired-without-mesh', ends: ['Completed', 'MeshMailboxDisabled', 'Drained'] },
  { scenario: 'expired-in-part', ends: ['Completed', 'CompletedPartially', 'Drained'] },
  { scenario: 'expired-unfinished', ends: ['Completed', 'HealthLakeRefused', 'Drained'] },
  { scenario: 'mailbox-taken', ends: ['LeaseLost', 'Completed'] },
  { scenario: 'files-lost', ends: [...Array.from({ length: 9 }, () => 'FileMissing'), 'Completed'] },
  {
    scenario: 'snapshot-files-lost',
    ends: ['Completed', ...Array.from({ length: 5 }, () => 'FileMissing'), 'Drained'],
  },
  { scenario: 'large-files', ends: ['Completed', 'Drained'], people: 4_000 },
];
