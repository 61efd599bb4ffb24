import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** How long a program may take to end in order. */
const patienceMilliseconds = 5_000;

/** Programs that this one started, each with what it started itself, so that none outlives it. */
export class Children {
  readonly #running = new Set<ChildProcess>();
  #isOver = false;

  /** @throws Error once they have been ended */
  start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    if (this.#isOver) throw new Error('Nothing is started any more');
    // A group of its own can be ended as a whole.
    const child = spawn(command, args, { ...options, detached: true });
    this.#running.add(child);
    const forget = (): void => {
      this.#running.delete(child);
    };
    child.once('exit', forget).once('error', forget);
    return child;
  }

  /** Ends all of them and lets no more be started. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#running].map(endGroup));
  }
}

async function endGroup(child: ChildProcess): Promise<void> {
  // One that could not be started tells of an error instead.
  const isEnded = once(child, 'exit').catch(() => undefined);
  signal(child, 'SIGTERM');
  const isLate = await Promise.race([isEnded.then(() => false), pause(patienceMilliseconds, true, { ref: false })]);
  if (isLate) signal(child, 'SIGKILL');
  await isEnded;
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended a moment ago.
  }
}
