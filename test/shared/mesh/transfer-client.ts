import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Mailbox } from '../../../shared/mesh/mailbox.ts';
import { iterate } from '../../support/bodies.ts';

const transferOrder = z.object({
  direction: z.enum(['send', 'receive']),
  baseUrl: z.string(),
  /** Whose client it is. */
  credentials: z.object({ mailboxId: z.string(), password: z.string(), sharedKey: z.string() }),
  /** The mailbox that is sent to. */
  to: z.string().default(''),
  /** The message that is received. */
  messageId: z.string().default(''),
  /** How long the message is that is sent. */
  bytes: z.number().default(0),
  chunkBytes: z.number().optional(),
  compress: z.boolean().default(true),
});
export type TransferOrder = z.input<typeof transferOrder>;

export const transferResult = z.object({
  messageId: z.string(),
  bytes: z.number(),
  sha256: z.string(),
  milliseconds: z.number(),
  /** Of the whole process, from its start. */
  peakResidentBytes: z.number(),
});
export type TransferResult = z.infer<typeof transferResult>;

const pieceBytes = 64 << 10;

/** Rows of a request file, of this many bytes in all; each piece begins at another row. */
export function* rows(bytes: number): Generator<Buffer> {
  const pattern = Buffer.alloc(1_300_000);
  for (let row = 0; row < 100_000; row += 1) {
    pattern.write(`${String((row * 7_654_321) % 10 ** 10).padStart(10, '0')},\r\n`, row * 13, 'latin1');
  }
  for (let at = 0, turn = 0; at < bytes; at += pieceBytes, turn += 1) {
    const start = (turn * 99_991) % (pattern.length - pieceBytes);
    yield pattern.subarray(start, start + Math.min(pieceBytes, bytes - at));
  }
}

async function transfer(order: z.output<typeof transferOrder>): Promise<TransferResult> {
  const { direction, baseUrl, credentials, to, bytes, chunkBytes, compress } = order;
  const { mailboxId } = credentials;
  const limit = chunkBytes === undefined ? {} : { chunkBytes };
  const mailbox = new Mailbox({ baseUrl, mailboxId, credentials, compress, ...limit });
  const hash = createHash('sha256');
  const started = performance.now();
  let { messageId } = order;
  let taken = 0;
  const hashed = async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      hash.update(piece);
      taken += piece.length;
      yield piece;
    }
  };
  if (direction === 'send') {
    const message = { from: mailboxId, to, workflowId: 'W', subject: 's', localId: 'l', fileName: 'f.dat' };
    const outcome = await mailbox.send(message, { bytes, content: hashed(iterate(rows(bytes))) });
    if (outcome.outcome === 'unknown') throw new Error(outcome.reason);
    messageId = outcome.messageId;
  } else {
    await mailbox.download(messageId, async ({ body }) => {
      for await (const piece of hashed(body)) if (piece.length === 0) throw new Error('An empty piece');
    });
  }
  return {
    messageId,
    bytes: taken,
    sha256: hash.digest('hex'),
    milliseconds: Math.round(performance.now() - started),
    peakResidentBytes: process.resourceUsage().maxRSS * 1024,
  };
}

// As a program: the order as JSON in its argument, the result as JSON in its output.
if (import.meta.main) {
  const order: unknown = JSON.parse(process.argv[2] ?? '');
  console.log(JSON.stringify(await transfer(transferOrder.parse(order))));
}
