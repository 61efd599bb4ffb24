import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import { Mailbox, type MailboxOptions } from '../../../shared/mesh/mailbox.ts';
import { alice, bob, mailboxes, sharedKey } from '../../local/mesh/raw-mailbox.ts';
import { anyPieces, bodyOf, bytesOf, sha256 } from '../../support/bodies.ts';

let mesh: MeshStandIn;
beforeAll(async () => {
  mesh = await startMesh({ mailboxes, sharedKey });
});
afterAll(() => mesh.close());

const mailbox = (credentials: typeof alice, options: Partial<MailboxOptions> = {}) =>
  new Mailbox({ baseUrl: mesh.url, mailboxId: credentials.mailboxId, credentials, ...options });
const message = { from: 'RZZ99OT001', to: 'X26OT154', workflowId: 'W', subject: 's', localId: 'l', fileName: 'f.dat' };

/** Repetitive and random bytes alike, line ends, zeros and gzip's own first bytes among them. */
const anyBytes = (maxLength: number) =>
  fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: Math.min(maxLength, 500) }),
    fc
      .record({
        length: fc.integer({ min: 1, max: maxLength }),
        pattern: fc.oneof(
          fc.constant([0x1f, 0x8b, 0x08]),
          fc.constant([0x0d, 0x0a]),
          fc.array(fc.nat(255), { minLength: 1 }),
        ),
      })
      .map(({ length, pattern }) => Uint8Array.from({ length }, (_, at) => pattern[at % pattern.length]!)),
    fc
      .record({ length: fc.integer({ min: 1, max: maxLength }), seed: fc.nat() })
      .map(({ length, seed }) =>
        Uint8Array.from({ length }, (_, at) => (Math.imul(at + seed, 2_654_435_761) >>> 13) & 255),
      ),
  );

/** At most some forty chunks, of one byte each or of many. */
const anyTransfer = fc.oneof(
  fc.record({ content: anyBytes(40), chunkBytes: fc.integer({ min: 1, max: 45 }) }),
  anyBytes(300_000).chain((content) =>
    fc.record({
      content: fc.constant(content),
      chunkBytes: fc.integer({ min: Math.ceil(content.length / 12), max: content.length + 10 }),
    }),
  ),
);

it('any body, chunked any way, gzipped or not, arrives byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(anyTransfer, anyPieces, fc.boolean(), async ({ content, chunkBytes }, pieces, compress) => {
      const sending = mailbox(alice, { chunkBytes, compress });
      const outcome = await sending.send(message, { bytes: content.length, content: bodyOf(content, pieces) });
      const messageId = outcome.outcome === 'accepted' ? outcome.messageId : outcome.reason;
      const receiving = mailbox(bob);
      const arrived = await receiving.download(messageId, ({ body }) => bytesOf(body));
      expect(arrived.length).toBe(content.length);
      expect(sha256(arrived)).toBe(sha256(content));
      await receiving.acknowledge(messageId);
    }),
    { numRuns: 150 },
  );
  expect(mesh.violations).toEqual([]);
});
