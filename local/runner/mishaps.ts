import { DeleteObjectCommand, GetObjectCommand, paginateListObjectsV2, PutObjectCommand } from '@aws-sdk/client-s3';
import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { MailboxLedger } from '../../shared/ledger/mailbox-ledger.ts';
import { LedgerTable } from '../../shared/ledger/table.ts';
import { mailboxOf, type Runtime } from './runtime.ts';

/** What goes wrong around a step: it happens just before an execution invokes the step for the first time. */
export type Mishap = {
  /** The step by the name of its folder. */
  readonly before: string;
} & (
  | {
      readonly kind: 'files-lost';
      /** Part of the keys of the files that are deleted. Before the next execution their versions are brought back. */
      readonly of: string;
    }
  /** Somebody stops the execution and frees its mailbox. */
  | { readonly kind: 'stopped' }
  /** Somebody frees the mailbox although the run is under way, and another run takes it. */
  | { readonly kind: 'mailbox-taken' }
  /** S3 completes no file that is written in pieces, as often as a client asks. */
  | { readonly kind: 's3-busy' }
  /** A message that is none of ours waits in the inbox; a large one is longer than 5 MB. */
  | { readonly kind: 'small-message' | 'large-message' }
);

type MakeGood = () => Promise<void>;

const nothing: MakeGood = () => Promise.resolve();
const otherRun = { execution: 'the execution of another run', runId: '20260101T020000Z-0000' };
/** The AWS SDK gives up after so many. */
const triesOfAClient = 3;
const messageBytes = { 'small-message': 60, 'large-message': 6_000_000 } as const;

/**
 * Lets mishaps happen to the executions that follow.
 *
 * @returns what makes good whatever does not pass by itself
 */
export function arrangeMishaps(mishaps: readonly Mishap[], runtime: Runtime): MakeGood {
  const toCome = new Set(mishaps);
  const toMakeGood: MakeGood[] = [];
  runtime.beforeInvocation(async (step) => {
    for (const mishap of [...toCome].filter(({ before }) => before === step)) {
      toCome.delete(mishap);
      toMakeGood.push(await befall(mishap, runtime));
    }
  });
  return async () => {
    for (const makeGood of toMakeGood.splice(0)) await makeGood();
  };
}

async function befall(mishap: Mishap, runtime: Runtime): Promise<MakeGood> {
  const { clients, deployment, mesh, s3 } = runtime;
  const mailbox = new MailboxLedger(new LedgerTable(clients.dynamoDb, deployment.table), mailboxOf(deployment));
  switch (mishap.kind) {
    case 'files-lost':
      return loseFiles(mishap.of, runtime);
    case 'stopped': {
      const { execution = '' } = (await mailbox.holder()) ?? {};
      await clients.sfn.send(new StopExecutionCommand({ executionArn: execution, cause: 'A mishap of the scenario' }));
      await mailbox.releaseLease(execution);
      return nothing;
    }
    case 'mailbox-taken': {
      const { execution = '' } = (await mailbox.holder()) ?? {};
      await mailbox.releaseLease(execution);
      await mailbox.holdLease(otherRun, 3_600);
      return () => mailbox.releaseLease(otherRun.execution);
    }
    case 's3-busy':
      s3.slowDown('CompleteMultipartUpload', triesOfAClient);
      return () => {
        s3.slowDown('CompleteMultipartUpload', 0);
        return Promise.resolve();
      };
    case 'small-message':
    case 'large-message':
      mesh.deliver({
        ...{ from: 'RZZ99OT002', to: mailboxOf(deployment), workflowId: 'SOMETHING_ELSE' },
        body: Buffer.alloc(messageBytes[mishap.kind], 'none of ours\n'),
      });
      return nothing;
  }
}

async function loseFiles(part: string, { clients: { s3 }, deployment }: Runtime): Promise<MakeGood> {
  const Bucket = deployment.bucket;
  const lost: { readonly Key: string; readonly Body: Uint8Array }[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket })) {
    for (const { Key = '' } of Contents.filter((file) => file.Key?.includes(part))) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
      lost.push({ Key, Body: (await Body?.transformToByteArray()) ?? new Uint8Array() });
      await s3.send(new DeleteObjectCommand({ Bucket, Key }));
    }
  }
  if (lost.length === 0) throw new Error(`There are no files of ${part} that could be lost`);
  return async () => {
    for (const file of lost) await s3.send(new PutObjectCommand({ Bucket, ...file }));
  };
}
