import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { peakOf, type Figures } from '../measure.ts';

const sampleMilliseconds = 10;
/** Linux counts processor time for `/proc` in hundredths of a second, whatever its own clock. */
const ticksPerSecond = 100;

/**
 * What work took that is done in processes which this one starts. Their processor time is what the kernel adds up of the
 * children that were waited for. Their memory is each one's own peak (`VmHWM`), added up over those that live at once and
 * looked at every ten milliseconds.
 */
export async function measureChildren(work: () => Promise<void>): Promise<Figures> {
  if (!existsSync('/proc/self/stat')) throw new Error('What other programs take can be measured on Linux alone');
  let peakKiB = 0;
  const sampling = setInterval(() => {
    peakKiB = Math.max(peakKiB, descendantsOf(process.pid).map(peakKiBOf).reduce(sum, 0));
  }, sampleMilliseconds);
  const before = childrenSeconds();
  const began = performance.now();
  try {
    await work();
  } finally {
    clearInterval(sampling);
  }
  const seconds = (performance.now() - began) / 1000;
  return { seconds, processorSeconds: childrenSeconds() - before, peakMemoryMiB: peakKiB / 1024 };
}

/** User and system time of all children that have ended: `cutime` and `cstime`, fields 16 and 17 of proc_pid_stat(5). */
function childrenSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // The second field is the program's name in brackets, which may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

function descendantsOf(id: number): number[] {
  const children = ifAlive([], () =>
    readdirSync(`/proc/${id}/task`).flatMap((thread) =>
      ifAlive([], () => readFileSync(`/proc/${id}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean)),
    ),
  ).map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function peakKiBOf(id: number): number {
  return ifAlive(0, () => peakOf(readFileSync(`/proc/${id}/status`, 'latin1')) ?? 0);
}

/** A process may end between the look at the list and the look at itself. */
function ifAlive<Value>(otherwise: Value, look: () => Value): Value {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

function sum(a: number, b: number): number {
  return a + b;
}
