import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';

export const figures = z.object({
  seconds: z.number(),
  /** Of all its threads, user and system. */
  processorSeconds: z.number(),
  /** What the process itself has come to at most, Node's own part included. */
  peakMemoryMiB: z.number(),
});
export type Figures = z.infer<typeof figures>;

/** What a piece of work took in this process. Node's own start is not counted, for it is the same for everybody. */
export async function measure(work: () => Promise<void>): Promise<Figures> {
  const before = process.cpuUsage();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, processorSeconds: (user + system) / 1e6, peakMemoryMiB: peakMemoryMiB() };
}

/** `maxRSS` counts what the parent had when it forked; Linux says elsewhere what this program itself has come to. */
export function peakMemoryMiB(): number {
  const own = existsSync('/proc/self/status') ? peakOf(readFileSync('/proc/self/status', 'latin1')) : undefined;
  return (own ?? process.resourceUsage().maxRSS) / 1024;
}

/** The peak that a process's `status` in `/proc` tells, in KiB; undefined where the process is about to end. */
export function peakOf(status: string): number | undefined {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes);
}
