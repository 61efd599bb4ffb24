import type { Admin } from './admin.ts';

/**
 * - `stand-in`: local/mesh, wherever it runs
 * - `sandbox`: NHS England's mesh-sandbox
 * - `integration`: a MESH of NHS England's own, with nothing in it that a test may turn
 */
export const environmentKinds = ['stand-in', 'sandbox', 'integration'] as const;
export type EnvironmentKind = (typeof environmentKinds)[number];

/** A mailbox, and what opens it. */
export interface MailboxAccess {
  readonly mailboxId: string;
  /** Absent where the mailbox is somebody else's. */
  readonly password?: string | undefined;
  /** PEM texts. */
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
}

/** The three mailboxes of the catalogue. */
export interface Mailboxes {
  /** The system under test. */
  readonly ours: MailboxAccess & { readonly password: string };
  /** Sends to ours and receives from it. */
  readonly other: MailboxAccess;
  /** Nobody collects from it (703). */
  readonly dormant: MailboxAccess;
}

/** The MESH that the catalogue runs against. */
export interface Environment {
  readonly kind: EnvironmentKind;
  readonly baseUrl: string;
  /** The HMAC key of the environment. */
  readonly sharedKey: string;
  readonly caBundle?: string | undefined;
  readonly workflowId: string;
  readonly mailboxes: Mailboxes;
  /** What a test may turn in it; undefined where nothing. */
  readonly admin?: Admin | undefined;
  /** How long a message may take from one mailbox to the other, and how often it is looked for. */
  readonly delivery: { readonly forSeconds: number; readonly everyMilliseconds: number };
  /** How many calls it saw begin while another of the same mailbox was under way, where it counts them. */
  readonly overlapsSeen?: (() => number) | undefined;
}
