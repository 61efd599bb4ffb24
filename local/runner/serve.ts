import { rm, writeFile } from 'node:fs/promises';
import { mailboxOf, maxAgeDaysOf, namespaceOf, type Runtime } from './runtime.ts';

/** Tells what is served, to the reader and, in a file, to `npm run ops`. */
export async function announce(
  { endpoints, operator, deployment }: Runtime,
  servedFile: string,
  say: (line: string) => void,
): Promise<void> {
  const { bucket, table, stateMachine, drainStateMachine } = deployment;
  const served = {
    endpoints,
    operator,
    bucket,
    table,
    stateMachineArn: stateMachine.arn,
    drainStateMachineArn: drainStateMachine.arn,
    mailboxId: mailboxOf(deployment),
    fhirNamespace: namespaceOf(deployment),
    maxAgeDays: maxAgeDaysOf(deployment),
  };
  await writeFile(servedFile, JSON.stringify(served, undefined, 2), { mode: 0o600 });
  say('Serving until interrupted (Ctrl-C); npm run ops works on what is served:');
  for (const [name, url] of Object.entries(endpoints)) say(`  ${name}=${url}`);
}

export async function untilInterrupted(servedFile: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => undefined, 60_000);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        clearInterval(alive);
        resolve();
      });
    }
  });
  await rm(servedFile, { force: true });
}
