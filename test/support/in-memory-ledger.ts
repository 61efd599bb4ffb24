import { PermanentError } from '../../shared/errors.ts';
import type { Latest, LatestSnapshot, Writer } from '../../shared/ledger/latest.ts';
import {
  isPending,
  type ConsentImport,
  type ConsentImportInput,
  type ConsentImports,
  type ImportedFile,
} from '../../shared/ledger/consent-imports.ts';
import type { ChangeFileRef, ChangeFileWrites, ConsentWrites } from '../../shared/ledger/consent-writes.ts';
import type { LeaseHolder, MailboxLedger, SentRequest, StoredMessage } from '../../shared/ledger/mailbox-ledger.ts';
import type { Part, Parts, PartState } from '../../shared/ledger/parts.ts';
import type { Run, Runs } from '../../shared/ledger/runs.ts';
import { lastEnd, type WritesUnderWay } from '../../shared/ledger/writes-under-way.ts';

/** The ledger without a table: the same public methods under the same conditions, each one step that cannot be torn. */
export interface InMemoryLedger {
  readonly runs: InMemoryRuns;
  readonly parts: InMemoryParts;
  readonly latest: InMemoryLatest;
  readonly writes: InMemoryWrites;
  readonly consentWrites: InMemoryConsentWrites;
  readonly consentImports: InMemoryConsentImports;
  readonly mailbox: InMemoryMailboxLedger;
}

export function openInMemoryLedger(now: () => Date): InMemoryLedger {
  return {
    runs: new InMemoryRuns(),
    parts: new InMemoryParts(),
    latest: new InMemoryLatest(),
    writes: new InMemoryWrites(now),
    consentWrites: new InMemoryConsentWrites(),
    consentImports: new InMemoryConsentImports(),
    mailbox: new InMemoryMailboxLedger(now),
  };
}

/** Everything that a table would hold, for tests that look through all of it. */
export function ledgerItems({ runs, parts, latest, mailbox, consentWrites }: InMemoryLedger): string {
  const { messages, unsettled, lease, sequences, sentRequests } = mailbox;
  const maps = [runs.rows, parts.rows, consentWrites.rows, messages, unsettled, sequences, sentRequests].map((map) => [
    ...map,
  ]);
  return JSON.stringify([maps, latest.present, lease]);
}

/** As a row comes back from a table: a copy, and members that are undefined were never written. */
function copyOf<Row>(row: Row): Row {
  return JSON.parse(JSON.stringify(row)) as Row;
}

export class InMemoryRuns implements Pick<Runs, keyof Runs> {
  readonly rows = new Map<string, Run>();
  readonly #attempts = new Map<string, number>();

  async open(row: Run): Promise<boolean> {
    if (this.rows.has(row.runId)) return Promise.resolve(false);
    this.rows.set(row.runId, copyOf(row));
    return Promise.resolve(true);
  }

  async find(runId: string): Promise<Run | undefined> {
    const row = this.rows.get(runId);
    return Promise.resolve(row && copyOf(row));
  }

  async read(runId: string): Promise<Run> {
    return (await this.find(runId)) ?? unknownRun(runId);
  }

  async update(runId: string, fields: Partial<Run>, forgotten: readonly (keyof Run)[] = []): Promise<void> {
    const row = this.rows.get(runId) ?? unknownRun(runId);
    const kept = Object.entries(row).filter(([name]) => !forgotten.some((member) => member === name));
    this.rows.set(runId, { ...(Object.fromEntries(kept) as Run), ...copyOf(fields) });
    return Promise.resolve();
  }

  async list(): Promise<Run[]> {
    const rows = [...this.rows.values()].map(copyOf);
    return Promise.resolve(rows.sort((a, b) => b.openedAt.localeCompare(a.openedAt)));
  }

  async nextCohortAttempt(runId: string): Promise<number> {
    const next = (this.#attempts.get(runId) ?? 0) + 1;
    this.#attempts.set(runId, next);
    return Promise.resolve(next);
  }
}

function unknownRun(runId: string): never {
  throw new PermanentError('RunUnknown', `No run ${runId} stands in the ledger`);
}

export class InMemoryParts implements Pick<Parts, keyof Parts> {
  readonly rows = new Map<string, Part>();

  async list(runId: string): Promise<Part[]> {
    const rows = [...this.rows].filter(([key]) => key.startsWith(`${runId} `)).map(([, row]) => copyOf(row));
    return Promise.resolve(rows.sort((a, b) => a.part - b.part));
  }

  async find(runId: string, number: number): Promise<Part | undefined> {
    const row = this.rows.get(`${runId} ${number}`);
    return Promise.resolve(row && copyOf(row));
  }

  async read(runId: string, number: number): Promise<Part> {
    const row = await this.find(runId, number);
    if (!row) throw new PermanentError('LedgerInconsistent', `Run ${runId} has no part ${number} in the ledger`);
    return row;
  }

  async put(runId: string, row: Part): Promise<void> {
    this.rows.set(`${runId} ${row.part}`, copyOf(row));
    return Promise.resolve();
  }

  async move(
    runId: string,
    number: number,
    from: readonly PartState[],
    fields: Partial<Part>,
    forgotten: readonly (keyof Part)[] = [],
  ): Promise<boolean> {
    const row = this.rows.get(`${runId} ${number}`);
    if (!row || !from.includes(row.state)) return Promise.resolve(false);
    const kept = Object.entries(row).filter(([name]) => !forgotten.some((member) => member === name));
    this.rows.set(`${runId} ${number}`, { ...(Object.fromEntries(kept) as Part), ...copyOf(fields) });
    return Promise.resolve(true);
  }
}

export class InMemoryLatest implements Pick<LatestSnapshot, keyof LatestSnapshot> {
  present: Latest | undefined;
  writer: Writer | undefined;

  async unfinishedWriter(): Promise<Writer | undefined> {
    return Promise.resolve(this.writer);
  }

  async beginWriting(writer: Writer): Promise<boolean> {
    if (this.writer !== undefined && this.writer.runId !== writer.runId) return Promise.resolve(false);
    this.writer = copyOf(writer);
    return Promise.resolve(true);
  }

  async endWriting(runId: string): Promise<void> {
    if (this.writer?.runId === runId) this.writer = undefined;
    return Promise.resolve();
  }

  async read(): Promise<Latest | undefined> {
    return Promise.resolve(this.present && copyOf(this.present));
  }

  async move(baseManifestKey: string | undefined, next: Latest): Promise<boolean> {
    const isOurs = this.present?.runId === next.runId;
    if (!isOurs && this.present?.manifestKey !== baseManifestKey) return Promise.resolve(false);
    this.present = copyOf(next);
    return Promise.resolve(true);
  }
}

export class InMemoryWrites implements Pick<WritesUnderWay, keyof WritesUnderWay> {
  readonly rows = new Map<string, { readonly beganAt: string }>();
  readonly #now: () => Date;
  #begun = 0;

  constructor(now: () => Date) {
    this.#now = now;
  }

  async begin(): Promise<string> {
    this.#begun += 1;
    const id = String(this.#begun);
    this.rows.set(id, { beganAt: this.#now().toISOString() });
    return Promise.resolve(id);
  }

  async end(id: string): Promise<void> {
    this.rows.delete(id);
    return Promise.resolve();
  }

  async until(): Promise<string | undefined> {
    return Promise.resolve(lastEnd(this.rows.values(), this.#now()));
  }
}

export class InMemoryConsentWrites implements Pick<ConsentWrites, keyof ConsentWrites> {
  readonly rows = new Map<string, ChangeFileWrites>();

  async find(runId: string, { part, pass, file }: ChangeFileRef): Promise<ChangeFileWrites | undefined> {
    const row = this.rows.get(`${runId} ${part} ${pass} ${file}`);
    return Promise.resolve(row && copyOf(row));
  }

  async list(runId: string): Promise<ChangeFileWrites[]> {
    return Promise.resolve([...this.rows].flatMap(([key, row]) => (key.startsWith(`${runId} `) ? [copyOf(row)] : [])));
  }

  async put(runId: string, row: ChangeFileWrites): Promise<void> {
    this.rows.set(`${runId} ${row.part} ${row.pass} ${row.file}`, copyOf(row));
    return Promise.resolve();
  }
}

export class InMemoryConsentImports implements Pick<ConsentImports, keyof ConsentImports> {
  readonly imports = new Map<string, ConsentImport>();
  readonly inputs = new Map<string, ConsentImportInput>();
  readonly rows = new Map<string, ImportedFile>();
  newest: string | undefined;

  async find(runId: string): Promise<ConsentImport | undefined> {
    const row = this.imports.get(runId);
    return Promise.resolve(row && copyOf(row));
  }

  async read(runId: string): Promise<ConsentImport & { readonly jobId: string }> {
    const found = await this.find(runId);
    if (found?.jobId === undefined) throw new PermanentError('LedgerInconsistent', `Run ${runId} has no import`);
    return { ...found, jobId: found.jobId };
  }

  async begin(runId: string, attempt: number, startedAt: string): Promise<boolean> {
    this.newest = runId;
    const isNext = (this.imports.get(runId)?.attempt ?? 0) < attempt;
    if (isNext) this.imports.set(runId, { state: 'starting', attempt, startedAt });
    return Promise.resolve(isNext);
  }

  async update(runId: string, fields: Partial<ConsentImport>): Promise<void> {
    const row = this.imports.get(runId);
    if (row) this.imports.set(runId, { ...row, ...copyOf(fields) });
    return Promise.resolve();
  }

  async pending(): Promise<(ConsentImport & { readonly runId: string }) | undefined> {
    const found = this.newest === undefined ? undefined : await this.find(this.newest);
    return this.newest !== undefined && found && isPending(found) ? { ...found, runId: this.newest } : undefined;
  }

  async putInput(runId: string, attempt: number, row: ConsentImportInput): Promise<void> {
    this.inputs.set(`${runId} ${attempt} ${row.part} ${row.file}`, copyOf(row));
    return Promise.resolve();
  }

  async findInput(runId: string, attempt: number, part: number, file: number): Promise<ConsentImportInput | undefined> {
    return Promise.resolve(this.inputs.get(`${runId} ${attempt} ${part} ${file}`));
  }

  async listInputs(runId: string, attempt: number): Promise<ConsentImportInput[]> {
    const own = [...this.inputs].filter(([key]) => key.startsWith(`${runId} ${attempt} `));
    return Promise.resolve(own.map(([, row]) => copyOf(row)));
  }

  async findFile(runId: string, part: number, file: number): Promise<ImportedFile | undefined> {
    const row = this.rows.get(`${runId} ${part} ${file}`);
    return Promise.resolve(row && copyOf(row));
  }

  async putFile(runId: string, row: ImportedFile): Promise<void> {
    this.rows.set(`${runId} ${row.part} ${row.file}`, copyOf(row));
    return Promise.resolve();
  }
}

interface Lease extends LeaseHolder {
  readonly expiresAt: string;
}

export class InMemoryMailboxLedger implements Pick<MailboxLedger, keyof MailboxLedger> {
  readonly messages = new Map<string, StoredMessage & { readonly class?: string; readonly part?: string }>();
  readonly unsettled = new Map<string, StoredMessage>();
  readonly sequences = new Map<string, number>();
  readonly sentRequests = new Map<string, SentRequest>();
  lease: Lease | undefined;
  handshakeAt: Date | undefined;
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  async holdLease(
    { execution, runId }: LeaseHolder,
    seconds: number,
  ): Promise<{ held: true } | { held: false; holder: string }> {
    const now = this.#now();
    if (this.lease && this.lease.execution !== execution && this.lease.expiresAt >= now.toISOString()) {
      return Promise.resolve({ held: false, holder: this.lease.runId });
    }
    this.lease = { execution, runId, expiresAt: new Date(now.getTime() + seconds * 1000).toISOString() };
    return Promise.resolve({ held: true });
  }

  async keepLease(holder: LeaseHolder, seconds: number): Promise<void> {
    const lease = await this.holdLease(holder, seconds);
    if (!lease.held) throw new PermanentError('LeaseLost', `Run ${lease.holder} holds the mailbox`);
  }

  async renewLease(holder: LeaseHolder, seconds: number): Promise<void> {
    if (this.lease?.execution === holder.execution) return this.keepLease(holder, seconds);
    throw new PermanentError('LeaseLost', `Run ${holder.runId} has the mailbox no longer`);
  }

  async releaseLease(execution: string): Promise<void> {
    if (this.lease?.execution === execution) this.lease = undefined;
    return Promise.resolve();
  }

  async holder(): Promise<LeaseHolder | undefined> {
    return Promise.resolve(this.lease);
  }

  async lastHandshake(): Promise<Date | undefined> {
    return Promise.resolve(this.handshakeAt);
  }

  async recordHandshake(): Promise<void> {
    this.handshakeAt = this.#now();
    return Promise.resolve();
  }

  async nextSequence(month: string): Promise<number> {
    const next = (this.sequences.get(month) ?? 0) + 1;
    this.sequences.set(month, next);
    return Promise.resolve(next);
  }

  async recordMessage(message: StoredMessage): Promise<void> {
    const { messageId } = message;
    if (this.messages.has(messageId)) return Promise.resolve();
    this.unsettled.set(messageId, copyOf(message));
    this.messages.set(messageId, copyOf(message));
    return Promise.resolve();
  }

  async recordSent(messageId: string, { runId, part }: SentRequest): Promise<void> {
    this.sentRequests.set(messageId, { runId, part });
    return Promise.resolve();
  }

  async sentAs(messageId: string): Promise<SentRequest | undefined> {
    return Promise.resolve(this.sentRequests.get(messageId));
  }

  async isRecorded(messageId: string): Promise<boolean> {
    return Promise.resolve(this.messages.has(messageId));
  }

  async unsettledMessages(): Promise<StoredMessage[]> {
    return Promise.resolve([...this.unsettled.keys()].sort().map((id) => copyOf(this.unsettled.get(id)!)));
  }

  async settleMessage(messageId: string, settled: { readonly class: string; readonly part?: string }): Promise<void> {
    const message = this.messages.get(messageId);
    if (message) this.messages.set(messageId, { ...message, ...settled });
    this.unsettled.delete(messageId);
    return Promise.resolve();
  }
}
