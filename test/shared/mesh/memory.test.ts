import { expect, test } from '@jest/globals';
import { startMesh } from '../../../local/mesh/mesh.ts';
import { Contenders } from '../../bench/mesh/contenders.ts';
import { payloadSha256 } from '../../bench/mesh/payload.ts';

/** Several times the memory that is allowed. */
const megabytes = Number(process.env.MESSAGE_MEGABYTES ?? '400');
const mostMiB = 150e6 / 2 ** 20;
const mailboxes = ['X26ABC1', 'X26ABC2'].map((mailboxId) => ({ mailboxId, password: 'password' }));

test.each([{ isCompressed: true }, { isCompressed: false }])(
  `a message of ${megabytes} MB, gzipped $isCompressed, is sent and received with less than 150 MB of memory each`,
  async ({ isCompressed }) => {
    const mesh = await startMesh({ mailboxes, sharedKey: 'TestKey' });
    const contenders = await Contenders.prepare();
    const transfer = { isCompressed, url: mesh.url, megabytes };
    try {
      const sent = await contenders.measure({ ...transfer, task: 'mesh send' });
      expect(sent.result).toBe('complete');
      expect(sent.peakMemoryMiB).toBeLessThan(mostMiB);
      const received = await contenders.measure({ ...transfer, task: 'mesh receive' });
      expect(received.result).toBe(payloadSha256(megabytes * 1_000_000));
      expect(received.peakMemoryMiB).toBeLessThan(mostMiB);
      expect(mesh.violations).toEqual([]);
    } finally {
      await contenders.remove();
      await mesh.close();
    }
  },
  300_000,
);
