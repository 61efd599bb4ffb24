import type { Difference } from '../catalogue-run.ts';

/**
 * Where NHS England's sandbox is known to do otherwise than MESH. Each names the check that does not hold there; one that
 * holds after all fails the run, and then belongs off this list. What else it leaves out (client certificates, delays,
 * limits of size, duplicated tokens, registered workflows) makes it more lenient, so that no check meets it.
 */
export const differences: readonly Difference[] = [
  {
    number: '701',
    claim: 'A call of a disabled mailbox is refused with 403, which the client calls MeshMailboxDisabled',
    reason: 'the sandbox keeps a flag for it and never looks at it; no mailbox can be disabled',
  },
  {
    number: '703',
    claim: 'MESH reports by itself once five days are over',
    reason: 'messages never expire in the sandbox; it was told to write the report',
  },
  {
    number: '705',
    claim: 'A message that was acknowledged is refused with 410, which the client calls MeshMessageGone',
    reason: 'the sandbox hands an acknowledged message out again with 200; 410 comes for an expired one',
  },
];
