import { UsageError } from '../../shared/command-line.ts';
import { HttpAdmin, probeKind } from './admin.ts';
import type { RunSettings } from './case.ts';
import { isThisMachine, readAccess } from './credentials.ts';
import type { Environment } from './environment.ts';
import type { Options } from './options.ts';
import { credentialsOf } from './party.ts';
import { runSettings } from './settings.ts';
import { atOnce, type RunningEnvironment, startStandIn } from './stand-in.ts';

/**
 * Opens the MESH that the options name, or starts the stand-in.
 *
 * @throws UsageError; what the client throws where MESH cannot be reached
 */
export async function openEnvironment(
  options: Options,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<RunningEnvironment> {
  const { url } = options;
  if (url === undefined) return startStandIn();
  const { sharedKey, mailboxes, caBundle } = await readAccess({ ...options, url }, variables);
  if (options.workflow === undefined && !isThisMachine(url)) {
    throw new UsageError('--workflow ID is needed: the workflow that is registered between the mailboxes');
  }
  const credentials = credentialsOf({ sharedKey, caBundle }, mailboxes.ours);
  const kind = options.kind ?? (await probeKind(url, credentials));
  const { disabledMailbox } = options;
  if (disabledMailbox !== undefined && disabledMailbox !== mailboxes.ours.mailboxId) {
    throw new UsageError(`--disabled-mailbox ${disabledMailbox}: is not the mailbox under test`);
  }
  const usual = kind === 'integration' ? { forSeconds: 600, everyMilliseconds: 10_000 } : atOnce;
  const environment: Environment = {
    ...{ kind, baseUrl: url, sharedKey, caBundle, mailboxes, workflowId: options.workflow ?? 'TEST_WORKFLOW' },
    delivery: { ...usual, forSeconds: options.deliverySeconds ?? usual.forSeconds },
    admin: kind === 'integration' ? undefined : new HttpAdmin(url, credentials, kind),
  };
  return { environment, close: () => Promise.resolve() };
}

/** How the cases are run, in this environment. */
export function settingsFor(options: Options, { kind }: Environment): RunSettings {
  const { large, chunkedMegabytes, undeliveredMessage, disabledMailbox } = options;
  const isLarge = large || (kind === 'integration' && chunkedMegabytes === undefined);
  return {
    ...runSettings(isLarge || (chunkedMegabytes ?? 0) > 20),
    ...(chunkedMegabytes === undefined ? {} : { chunkedBytes: chunkedMegabytes * 1_000_000 }),
    ...{ undeliveredMessage, isDisabledNow: disabledMailbox !== undefined },
  };
}
