import { setTimeout as pause } from 'node:timers/promises';

const longestTimerMs = 2 ** 31 - 1;

/** Waits as long as asked, also beyond the 24.8 days that one timer can hold; rejects when the signal aborts. */
export async function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  for (let left = milliseconds; left > 0; left -= longestTimerMs) {
    await pause(Math.min(left, longestTimerMs), undefined, { signal });
  }
}
