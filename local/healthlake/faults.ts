import { hash } from 'node:crypto';

/** `import` is the start of an import job, `import-status` a look at one or at all. */
export type Operation = 'batch' | 'export' | 'import' | 'import-status' | 'read' | 'search' | 'write';

interface Times {
  /** How many of the next matching calls are hit. */
  readonly times: number;
  /** How many matching calls go by before the first one is hit; none when left out. */
  readonly after?: number;
  /** Any operation when left out. */
  readonly on?: Operation;
}

interface ForAWhile {
  /** How long matching calls are hit, counted from the first one. */
  readonly forMilliseconds: number;
  readonly on?: Operation;
}

interface InBatch {
  /** How many of the next matching batches are hit; a batch that has no such entry is not counted. */
  readonly times: number;
  /** How many matching batches go by before the first one is hit; none when left out. */
  readonly after?: number;
  /** Position in the batch, or the logical id that the entry writes or reads. */
  readonly entry: number | string;
}

/** Hits always the same ids until the faults are cleared: as entries of a batch, alone, and as lines of an import. */
interface Share {
  /** Of all ids, from 0 to 1. */
  readonly share: number;
  /** `PUT` when left out. */
  readonly method?: 'DELETE' | 'GET' | 'PUT';
}

export type Fault =
  | ((Times | ForAWhile) & { readonly kind: 'throttle'; readonly retryAfterSeconds?: number })
  | (Times & { readonly kind: 'unavailable' })
  | (Times & { readonly kind: 'throttle-in-400' })
  | (Times & { readonly kind: 'slow'; readonly milliseconds: number })
  /** The connection breaks before the call is carried out. */
  | (Times & { readonly kind: 'call-lost' })
  /** The call is carried out, and its answer never comes. */
  | (Times & { readonly kind: 'answer-lost' })
  /** How the next export jobs end. */
  | { readonly kind: 'export-end'; readonly times: number; readonly status: JobEnd }
  /** How the next import jobs end; one that fails has written the first so many lines. */
  | { readonly kind: 'import-end'; readonly times: number; readonly status: JobEnd; readonly afterLines?: number }
  | (InBatch & { readonly kind: 'entry-throttle' })
  /** With status 400 when left out. */
  | ((InBatch | Share) & { readonly kind: 'entry-refuse'; readonly status?: number });

type JobEnd = 'COMPLETED_WITH_ERRORS' | 'FAILED';
export type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { kind: Kind }>;

/** A resource as a request names it. */
interface Named {
  readonly method: string;
  readonly id: string | undefined;
  /** Its position, in a batch. */
  readonly at: number | undefined;
}

interface Pending {
  readonly fault: Fault;
  toPass: number;
  left: number;
  endsAt: number | undefined;
}

/** The faults that a test has asked for, used up in the order given. */
export class Faults {
  #pending: Pending[] = [];

  add(fault: Fault): void {
    this.#pending.push({
      fault,
      toPass: 'after' in fault ? (fault.after ?? 0) : 0,
      left: 'times' in fault ? fault.times : Infinity,
      endsAt: undefined,
    });
  }

  clear(): void {
    this.#pending = [];
  }

  /** Milliseconds by which to delay this call. */
  takeDelay(operation: Operation): number {
    return this.#take(['slow'], isOn(operation))?.milliseconds ?? 0;
  }

  /** What befalls this call instead of being carried out. */
  takeCallFault(
    operation: Operation,
  ): FaultOf<'call-lost' | 'throttle' | 'throttle-in-400' | 'unavailable'> | undefined {
    return this.#take(['call-lost', 'throttle', 'throttle-in-400', 'unavailable'], isOn(operation));
  }

  takeLostAnswer(operation: Operation): boolean {
    return this.#take(['answer-lost'], isOn(operation)) !== undefined;
  }

  takeExportEnd(): FaultOf<'export-end'> | undefined {
    return this.#take(['export-end'], () => true);
  }

  takeImportEnd(): FaultOf<'import-end'> | undefined {
    return this.#take(['import-end'], () => true);
  }

  /** What befalls a resource: an entry of a batch, where it has a position. */
  takeEntryFault(named: Named): FaultOf<'entry-refuse' | 'entry-throttle'> | undefined {
    return this.#take(['entry-refuse', 'entry-throttle'], (fault) =>
      'share' in fault ? isInShare(fault, named) : named.at !== undefined && isEntry(fault, named),
    );
  }

  #take<Kind extends Fault['kind']>(
    kinds: readonly Kind[],
    isHit: (fault: FaultOf<Kind>) => boolean,
  ): FaultOf<Kind> | undefined {
    for (const pending of this.#pending) {
      const { fault } = pending;
      if (!isOfKind(fault, kinds) || !isHit(fault) || performance.now() >= (pending.endsAt ?? Infinity)) continue;
      if (pending.toPass > 0) {
        pending.toPass -= 1;
        continue;
      }
      if ('forMilliseconds' in fault) pending.endsAt ??= performance.now() + fault.forMilliseconds;
      pending.left -= 1;
      if (pending.left === 0) this.#pending = this.#pending.filter((other) => other !== pending);
      return fault;
    }
    return undefined;
  }
}

function isOfKind<Kind extends Fault['kind']>(fault: Fault, kinds: readonly Kind[]): fault is FaultOf<Kind> {
  return kinds.some((kind) => kind === fault.kind);
}

function isOn(operation: Operation): (fault: { readonly on?: Operation }) => boolean {
  return ({ on }) => on === undefined || on === operation;
}

function isEntry({ entry }: InBatch, { at, id }: Named): boolean {
  return entry === at || entry === id;
}

function isInShare({ share, method = 'PUT' }: Share, named: Named): boolean {
  return named.method === method && named.id !== undefined && placeOf(named.id) < share;
}

/** Where an id lies between 0 and 1: evenly spread, and always at the same place. */
function placeOf(id: string): number {
  return Number.parseInt(hash('sha256', id).slice(0, 8), 16) / 2 ** 32;
}
