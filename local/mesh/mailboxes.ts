import { z } from 'zod';

/** One mailbox as the stand-in knows it. */
export interface Mailbox {
  /** In upper case. */
  readonly mailboxId: string;
  readonly password: string;
  /** The id where absent. */
  readonly mailboxName?: string | undefined;
  /** Of the organisation; where absent, look-up goes by the beginning of the id. */
  readonly odsCode?: string | undefined;
  readonly orgCode?: string | undefined;
  readonly orgName?: string | undefined;
  readonly billingEntity?: string | undefined;
  /** Its owner is answered 403, as MESH does for a mailbox that was switched off. */
  readonly disabled?: boolean | undefined;
  /** The workflows it may receive, for look-up; any where absent. */
  readonly workflows?: readonly string[] | undefined;
}

/** The mailboxes of one MESH by id, and which of them are switched off. */
export class Mailboxes {
  readonly #byId = new Map<string, Mailbox>();
  readonly #disabled = new Set<string>();

  /** @throws Error where an id is not in upper case or given twice */
  constructor(mailboxes: readonly Mailbox[]) {
    for (const mailbox of mailboxes) {
      const { mailboxId } = mailbox;
      if (mailboxId !== mailboxId.toUpperCase()) throw new Error(`Mailbox id ${mailboxId} is not in upper case`);
      if (this.#byId.has(mailboxId)) throw new Error(`Mailbox ${mailboxId} is given twice`);
      this.#byId.set(mailboxId, mailbox);
      if (mailbox.disabled === true) this.#disabled.add(mailboxId);
    }
  }

  get(mailboxId: string): Mailbox | undefined {
    return this.#byId.get(mailboxId);
  }

  all(): readonly Mailbox[] {
    return [...this.#byId.values()];
  }

  isDisabled(mailboxId: string): boolean {
    return this.#disabled.has(mailboxId);
  }

  /** @throws Error where there is no such mailbox */
  setDisabled(mailboxId: string, disabled: boolean): void {
    if (!this.#byId.has(mailboxId)) throw new Error(`The MESH stand-in has no mailbox ${mailboxId}`);
    if (disabled) this.#disabled.add(mailboxId);
    else this.#disabled.delete(mailboxId);
  }

  /** Who receives a workflow, of one organisation or, without a code, of any. */
  receiving(workflowId: string, odsCode?: string): readonly Mailbox[] {
    const code = odsCode?.toUpperCase();
    return this.all().filter(
      (mailbox) =>
        (mailbox.workflows?.includes(workflowId) ?? true) &&
        (code === undefined || mailbox.odsCode?.toUpperCase() === code || isUnder(mailbox, code)),
    );
  }
}

/** Mailbox ids begin with their organisation's ODS code. */
function isUnder({ odsCode, mailboxId }: Mailbox, code: string): boolean {
  return odsCode === undefined && mailboxId.startsWith(code);
}

const line = z.strictObject({
  mailbox_id: z.string().min(1),
  password: z.string(),
  mailbox_name: z.string().optional(),
  ods_code: z.string().optional(),
  org_code: z.string().optional(),
  org_name: z.string().optional(),
  billing_entity: z.string().optional(),
  disabled: z.boolean().optional(),
  workflows: z.array(z.string()).optional(),
});

/**
 * One line of a mailboxes file, in the form of NHS England's mesh-sandbox; `disabled` and `workflows` are ours.
 *
 * @throws SyntaxError, ZodError
 */
export function parseMailbox(text: string): Mailbox {
  const found = line.parse(JSON.parse(text));
  return {
    mailboxId: found.mailbox_id.toUpperCase(),
    password: found.password,
    mailboxName: found.mailbox_name,
    odsCode: found.ods_code,
    orgCode: found.org_code,
    orgName: found.org_name,
    billingEntity: found.billing_entity,
    disabled: found.disabled,
    workflows: found.workflows,
  };
}
