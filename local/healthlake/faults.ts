export type Operation = 'batch' | 'export' | 'read' | 'search' | 'write';

interface Times {
  /** How many of the next matching calls are hit. */
  readonly times: number;
  /** Any operation when left out. */
  readonly on?: Operation;
}

interface InBatch {
  /** How many of the next matching batches are hit; a batch that has no such entry is not counted. */
  readonly times: number;
  /** Position in the batch, or the logical id that the entry writes or reads. */
  readonly entry: number | string;
}

export type Fault =
  | (Times & { readonly kind: 'throttle'; readonly retryAfterSeconds?: number })
  | (Times & { readonly kind: 'unavailable' })
  | (Times & { readonly kind: 'throttle-in-400' })
  | (Times & { readonly kind: 'slow'; readonly milliseconds: number })
  /** The call is carried out, and its answer never comes. */
  | (Times & { readonly kind: 'answer-lost' })
  /** How the next export jobs end. */
  | { readonly kind: 'export-end'; readonly times: number; readonly status: ExportEnd }
  | (InBatch & { readonly kind: 'entry-throttle' })
  | (InBatch & { readonly kind: 'entry-refuse' });

type ExportEnd = 'COMPLETED_WITH_ERRORS' | 'FAILED';
type CallFault = Extract<Fault, { kind: 'throttle' | 'unavailable' | 'throttle-in-400' }>;
type EntryFault = Extract<Fault, { kind: 'entry-throttle' | 'entry-refuse' }>;

/** The faults that a test has asked for, used up in the order given. */
export class Faults {
  #pending: { readonly fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#pending.push({ fault, left: fault.times });
  }

  clear(): void {
    this.#pending = [];
  }

  /** Milliseconds by which to delay this call. */
  takeDelay(operation: Operation): number {
    const hit = this.#take((fault) => fault.kind === 'slow' && isOn(fault, operation));
    return hit?.kind === 'slow' ? hit.milliseconds : 0;
  }

  takeCallFault(operation: Operation): CallFault | undefined {
    const hit = this.#take((fault) => isCallFault(fault) && isOn(fault, operation));
    return hit && isCallFault(hit) ? hit : undefined;
  }

  takeLostAnswer(operation: Operation): boolean {
    return this.#take((fault) => fault.kind === 'answer-lost' && isOn(fault, operation)) !== undefined;
  }

  takeExportEnd(): ExportEnd | undefined {
    const hit = this.#take((fault) => fault.kind === 'export-end');
    return hit?.kind === 'export-end' ? hit.status : undefined;
  }

  /** What befalls the entries of this batch, by position. */
  takeEntryFaults(ids: readonly (string | undefined)[]): ReadonlyMap<number, EntryFault> {
    const hits = new Map<number, EntryFault>();
    for (const [at, id] of ids.entries()) {
      const hit = this.#take((fault) => isEntryFault(fault) && (fault.entry === at || fault.entry === id));
      if (hit && isEntryFault(hit)) hits.set(at, hit);
    }
    return hits;
  }

  #take(isHit: (fault: Fault) => boolean): Fault | undefined {
    const hit = this.#pending.find(({ fault }) => isHit(fault));
    if (!hit) return undefined;
    hit.left -= 1;
    this.#pending = this.#pending.filter(({ left }) => left > 0);
    return hit.fault;
  }
}

function isCallFault(fault: Fault): fault is CallFault {
  return fault.kind === 'throttle' || fault.kind === 'unavailable' || fault.kind === 'throttle-in-400';
}

function isEntryFault(fault: Fault): fault is EntryFault {
  return fault.kind === 'entry-throttle' || fault.kind === 'entry-refuse';
}

function isOn(fault: Fault, operation: Operation): boolean {
  return 'on' in fault ? fault.on === operation : true;
}
