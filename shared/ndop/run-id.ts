import { createHash } from 'node:crypto';

/**
 * `20260901T020000Z-7f3a`: the moment a run stands for and four hexadecimal digits of what started it. A schedule gives
 * the same id however often it fires for one moment, so a second delivery is seen as a duplicate.
 *
 * @param startedBy the schedule's name for a scheduled run, the execution's name for one from the console
 */
export function runIdOf(moment: Date, startedBy: string): string {
  const compact = moment.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  return `${compact}-${createHash('sha256').update(startedBy).digest('hex').slice(0, 4)}`;
}

export const runIdForm = /^\d{8}T\d{6}Z-[0-9a-f]{4}$/;

/** `part-0001`: how a part is called in keys and reports. */
export function partName(part: number): string {
  return `part-${String(part).padStart(4, '0')}`;
}

/** What a request is known by on its way through MESH and back. */
export interface RequestIdentity {
  readonly runId: string;
  readonly part: number;
  /** 1 for the first request of a part; a part that is sent again gets the next. */
  readonly attempt: number;
}

/**
 * The LocalID of a request, which the service copies to every reply: at most 60 characters of `[A-Za-z0-9_-]`, never
 * used twice. A colon in it led to no reply at all. Source: UK Renal Registry, "National Opt-Out Processes".
 */
export function localIdOf({ runId, part, attempt }: RequestIdentity): string {
  return `NDOP-${runId}-${String(part).padStart(4, '0')}-${attempt}`;
}

/** The request that a LocalID names, or undefined where we never made such a LocalID. */
export function parseLocalId(localId: string): RequestIdentity | undefined {
  const match = /^NDOP-(\d{8}T\d{6}Z-[0-9a-f]{4})-(\d{4,})-(\d+)$/.exec(localId);
  if (!match) return undefined;
  const [, runId = '', part = '', attempt = ''] = match;
  return { runId, part: Number(part), attempt: Number(attempt) };
}
