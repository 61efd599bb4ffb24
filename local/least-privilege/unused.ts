/** Something that is granted and that no recorded run needed. */
export interface Unused {
  /** As the table names it; `*` for every role that is granted it. */
  readonly role: string;
  /** An action, or a resource as the table names it. */
  readonly part: string;
  readonly reason: string;
}

const lostImport = 'Asks after an import whose end its run has not seen: the run was aborted while it waited.';

/** All that is granted for what does not happen in the recorded runs, each with its reason: reviewed by people. */
export const unused: readonly Unused[] = [
  {
    role: '*',
    part: 's3:ListBucket',
    reason: 'Without it S3 calls a missing file forbidden, and nobody would be told FileMissing. Keys name no person.',
  },
  {
    role: '*',
    part: 's3:AbortMultipartUpload',
    reason: 'Gives up a file of more than 5 MB whose upload has failed; the files of these runs are smaller.',
  },
  {
    role: 'open-run',
    part: 'dynamodb:DeleteItem',
    reason:
      'Gives the mailbox back where another execution opens the same run in the same moment, and ends a run that stopped between its last two words.',
  },
  { role: 'open-run', part: 'healthlake:ListFHIRImportJobs', reason: lostImport },
  { role: 'check-freshness', part: 'healthlake:ListFHIRImportJobs', reason: lostImport },
  {
    role: 'split-request',
    part: 'dynamodb:GetItem',
    reason: 'Names the run that has taken the mailbox from this one.',
  },
  {
    role: 'write-consents',
    part: 'healthlake:DeleteResource',
    reason:
      'Deletes the Consent of who has left the cohort: no scenario changes it (test/end-to-end/months.test.ts does).',
  },
  {
    role: 'expire-consents',
    part: 's3:bucket/runs/*/changes/*',
    reason: 'Reads what a run that stopped while it wrote had written, once that is too old to stand.',
  },
  {
    role: 'record-expiry',
    part: 'healthlake:CreateResource',
    reason: 'Marks the store anew where a part of its answers has expired; in these runs all of it has.',
  },
];
