import { expect, it } from '@jest/globals';
import { startMesh } from '../../../local/mesh/mesh.ts';
import { alice, bob, mailboxes, sharedKey } from '../../local/mesh/raw-mailbox.ts';
import { transferAlone } from './transfer.ts';

const bytes = 10 ** 9;
const mostResidentBytes = 150 * 10 ** 6;

it('a message of 1 GB is sent and received, each with less than 150 MB of memory', async () => {
  const mesh = await startMesh({ mailboxes, sharedKey });
  try {
    const at = { baseUrl: mesh.url };
    const sent = await transferAlone({ direction: 'send', ...at, credentials: alice, to: bob.mailboxId, bytes });
    expect(sent.bytes).toBe(bytes);
    expect(sent.peakResidentBytes).toBeLessThan(mostResidentBytes);
    const { messageId } = sent;
    const received = await transferAlone({ direction: 'receive', ...at, credentials: bob, messageId });
    expect(received).toMatchObject({ bytes, sha256: sent.sha256 });
    expect(received.peakResidentBytes).toBeLessThan(mostResidentBytes);
    expect(mesh.violations).toEqual([]);
  } finally {
    await mesh.close();
  }
}, 300_000);
