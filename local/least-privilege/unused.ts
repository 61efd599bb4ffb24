/** Something that is granted and that no recorded run used. */
export interface Unused {
  /** As the table names it; `*` for every role that is granted it. */
  readonly role: string;
  readonly action: string;
  readonly reason: string;
}

/** All that is granted for what does not happen in the recorded runs, each with its reason: reviewed by people. */
export const unused: readonly Unused[] = [
  {
    role: '*',
    action: 's3:ListBucket',
    reason: 'Without it S3 calls a missing file forbidden, and nobody would be told FileMissing. Keys name no person.',
  },
  {
    role: '*',
    action: 's3:AbortMultipartUpload',
    reason: 'Gives up a file of more than 5 MB whose upload has failed; the files of these runs are smaller.',
  },
];
