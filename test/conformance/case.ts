import type { Checks } from './checks.ts';
import type { Environment } from './environment.ts';
import type { Party } from './party.ts';
import type { Recorder, RecordedCall } from './recorder.ts';

/** One case of NHS England's "MESH API Compliance Test", version 1.6. */
export interface ConformanceCase {
  readonly number: string;
  readonly title: string;
  /** Without it the certificate says so. */
  readonly isOptional?: boolean;
  /** What the catalogue asks for. */
  readonly asks: string;
  /** How this run shows it. */
  readonly passes: string;
  /** @throws Waiting where a person or time has to go on; any other error fails the case */
  readonly run: (context: CaseContext) => Promise<void>;
}

/** A message that nobody collected, and the report about it. */
export interface Undelivered {
  readonly messageId: string;
  readonly localId: string;
  readonly reportId: string | undefined;
  /** Whether MESH wrote the report without being told to. */
  readonly isReportedByItself: boolean;
}

export interface RunSettings {
  /** Length of the body of 501 and 502, and of its chunks. */
  readonly chunkedBytes: number;
  readonly chunkBytes: number;
  /** Sent to the dormant mailbox by an earlier run, five days ago. */
  readonly undeliveredMessage?: string | undefined;
  /** Our own mailbox is disabled at this moment, by whoever runs the environment. */
  readonly isDisabledNow?: boolean;
}

/** What the cases of one run share. */
export interface Session {
  undelivered?: Promise<Undelivered>;
}

export interface CaseContext {
  readonly environment: Environment;
  readonly settings: RunSettings;
  readonly session: Session;
  /** The system under test. */
  readonly ours: Party;
  /** Undefined where somebody else runs it. */
  readonly other: Party | undefined;
  /** Opened by 705 alone; undefined where somebody else runs it. */
  readonly dormant: Party | undefined;
  readonly recorder: Recorder;
  readonly checks: Checks;
  /** What an assessor needs to know beside the calls. */
  readonly note: (name: string, value: string) => void;
  /** Of our mailbox in this case so far, without what was only preparation and without attempts that were made again. */
  readonly calls: () => readonly RecordedCall[];
  /** Unlike any other of this run. */
  readonly localId: (suffix?: string) => string;
}
