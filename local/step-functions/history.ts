import type { HistoryEvent, HistoryEventType } from '@aws-sdk/client-sfn';
import { StateFailure } from './state-failure.ts';

/** One event in the shape of GetExecutionHistory. */
export type ExecutionEvent = HistoryEvent & {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestamp: Date;
  readonly type: HistoryEventType;
};

export type EventDetails = Omit<HistoryEvent, 'id' | 'previousEventId' | 'timestamp' | 'type'>;

const maximumEvents = 25_000;

/** The events of one execution, in the order they happened. */
export class History {
  readonly events: ExecutionEvent[] = [];
  readonly #onEvent: (event: ExecutionEvent) => void;
  #isClosed = false;

  constructor(onEvent: (event: ExecutionEvent) => void) {
    this.#onEvent = onEvent;
  }

  /** @throws StateFailure `States.Runtime` when the service's limit of 25,000 events is reached */
  append(type: HistoryEventType, previousEventId: number, details: EventDetails): ExecutionEvent {
    if (this.#isClosed) throw new Error('The execution has ended: its history takes no more events');
    if (this.events.length >= maximumEvents - 1) {
      throw new StateFailure('States.Runtime', `The execution reached the maximum number of history events (25000).`);
    }
    return this.#add(type, previousEventId, details);
  }

  /** Adds the event that ends the execution, and takes none after it. */
  close(type: HistoryEventType, details: EventDetails): void {
    this.#isClosed = true;
    this.#add(type, this.events.at(-1)?.id ?? 0, details);
  }

  #add(type: HistoryEventType, previousEventId: number, details: EventDetails): ExecutionEvent {
    const event = { timestamp: new Date(), type, id: this.events.length + 1, previousEventId, ...details };
    this.events.push(event);
    this.#onEvent(event);
    return event;
  }
}

/** One line of events that follow from each other; every iteration of a Map has its own. */
export class Trail {
  readonly #history: History;
  #lastEventId: number;

  /** @param lastEventId the first state of an execution follows event 0, as in the service's own histories */
  constructor(history: History, lastEventId = 0) {
    this.#history = history;
    this.#lastEventId = lastEventId;
  }

  get lastEventId(): number {
    return this.#lastEventId;
  }

  record(type: HistoryEventType, details: EventDetails = {}): void {
    this.#lastEventId = this.#history.append(type, this.#lastEventId, details).id;
  }

  fork(): Trail {
    return new Trail(this.#history, this.#lastEventId);
  }

  /** Continues behind another line, e.g. behind the last iteration of a Map. */
  join(other: Trail): void {
    this.#lastEventId = Math.max(this.#lastEventId, other.#lastEventId);
  }
}
