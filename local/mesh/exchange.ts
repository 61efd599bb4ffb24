import type { Clock } from './clock.ts';
import { type Delivery, deliveredMessage, nonDeliveryReport, type ReportOrder, reportMessage } from './delivery.ts';
import type { Mailboxes } from './mailboxes.ts';
import {
  expiryOf,
  type Failure,
  type MeshMessage,
  type MessageStatus,
  messageIds,
  notCollected,
  type StoredMessage,
} from './message.ts';
import type { MessageStore } from './store.ts';

/** What a message is told from outside to have come to. */
export interface StatusEvent {
  readonly status: MessageStatus;
  readonly failure?: Failure | undefined;
  readonly linkedMessageId?: string | undefined;
}

/** Everything that happens to messages without a mailbox's owner asking for it. */
export class Exchange {
  readonly newMessageId: () => string;
  readonly #store: MessageStore;
  readonly #mailboxes: Mailboxes;
  readonly #clock: Clock;
  readonly #listeners = new Set<(message: MeshMessage) => void>();

  constructor(store: MessageStore, mailboxes: Mailboxes, clock: Clock) {
    this.#store = store;
    this.#mailboxes = mailboxes;
    this.#clock = clock;
    this.newMessageId = messageIds(() => clock.now());
  }

  /** @throws Error where the recipient has no mailbox here */
  deliver(delivery: Delivery): string {
    this.#checkMailbox(delivery.to);
    const message = deliveredMessage(delivery, this.newMessageId(), this.#now());
    this.#store.addWhole(message, delivery.body);
    this.#store.accept(message, 0);
    return message.messageId;
  }

  /** @throws Error where the recipient has no mailbox here */
  report(order: ReportOrder): string {
    this.#checkMailbox(order.to);
    return this.#put(reportMessage(order, this.newMessageId(), this.#now()));
  }

  /** @throws Error where no such message was sent through an outbox */
  reportNonDelivery(messageId: string, failure: Failure): string {
    const original = this.#sent(messageId);
    const report = nonDeliveryReport(original, failure, this.newMessageId(), this.#now());
    original.failure = failure;
    this.#store.changeStatus(original, 'undeliverable');
    return this.#put(report);
  }

  /** @throws Error where no such message was sent through an outbox */
  acknowledge(messageId: string): void {
    const message = this.#sent(messageId);
    if (message.status === 'accepted') this.#store.changeStatus(message, 'acknowledged');
  }

  /** Makes a message what it is told to be; one that is accepted again lies in the inbox again, and has not failed. */
  changeStatus(message: StoredMessage, { status, failure, linkedMessageId }: StatusEvent): void {
    const hasFailed = status === 'undeliverable' || status === 'error';
    message.failure = hasFailed ? (failure ?? message.failure) : message.failure;
    if (status === 'accepted' && message.messageType === 'DATA') message.failure = undefined;
    message.linkedMessageId = linkedMessageId ?? message.linkedMessageId;
    if (status === 'accepted' && message.acceptedOrder === 0) this.#store.accept(message, 0);
    else this.#store.changeStatus(message, status);
  }

  /** Takes what nobody has collected in time out of the inboxes; its sender gets the report with code 14. */
  expire(): void {
    const now = this.#clock.now();
    for (const message of this.#store.all()) {
      if (message.status !== 'accepted' || expiryOf(message) > now) continue;
      const isReported = message.messageType === 'DATA' && this.#mailboxes.get(message.from ?? '') !== undefined;
      const failure = notCollected(this.#mailboxes.isDisabled(message.to));
      if (isReported) this.reportNonDelivery(message.messageId, failure);
      else {
        message.failure ??= failure;
        this.#store.changeStatus(message, 'undeliverable');
      }
    }
  }

  /** @throws RangeError where time would run backwards */
  advanceClock(seconds: number): void {
    this.#clock.advance(seconds);
    this.expire();
  }

  onAccepted(listener: (message: MeshMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tellAccepted(message: StoredMessage): void {
    for (const listener of this.#listeners) listener(this.#store.view(message));
  }

  #put(report: StoredMessage): string {
    this.#store.add(report);
    this.#store.accept(report, 0);
    return report.messageId;
  }

  #sent(messageId: string): StoredMessage {
    const message = this.#store.get(messageId);
    if (message?.from === undefined) throw new Error(`Nobody sent a message ${messageId}`);
    return message;
  }

  #checkMailbox(mailboxId: string): void {
    if (!this.#mailboxes.get(mailboxId)) throw new Error(`The MESH stand-in has no mailbox ${mailboxId}`);
  }

  #now(): string {
    return this.#clock.now().toISOString();
  }
}
