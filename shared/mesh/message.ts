/** What a message is sent with; MESH passes all but the first two on to the recipient. */
export interface OutgoingMessage {
  /** Our mailbox. */
  readonly from: string;
  readonly to: string;
  readonly workflowId: string;
  readonly subject: string;
  readonly localId: string;
  readonly fileName: string;
}

/** The payload of a message, read once and never held whole. */
export interface OutgoingBody {
  /** Of the whole payload: MESH wants to know with the first chunk how many there are. */
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

/** MESH took the message, or nobody can tell: it must then not be sent again blindly. */
export type SendOutcome =
  | { readonly outcome: 'accepted'; readonly messageId: string }
  | { readonly outcome: 'unknown'; readonly reason: string };

/** What MESH says about a message that lies in our inbox. */
export interface MessageHeaders {
  readonly messageId: string;
  readonly messageType: string;
  readonly from?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly localId?: string | undefined;
  readonly subject?: string | undefined;
  readonly linkedMessageId?: string | undefined;
  readonly statusCode?: string | undefined;
  readonly statusDescription?: string | undefined;
}

/** A message on its way to us. */
export interface DownloadedMessage {
  readonly headers: MessageHeaders;
  /** All headers of the first chunk as MESH gave them, for the record. */
  readonly rawHeaders: Readonly<Record<string, string>>;
  /** The body as it arrives, chunks joined and compression undone. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** How far a message that we sent has got. */
export interface Tracking {
  readonly messageId: string;
  readonly status: 'uploading' | 'accepted' | 'acknowledged' | 'undeliverable' | 'error';
  readonly localId?: string | undefined;
  /** MESH's code, such as 14, where it failed. */
  readonly statusCode?: string | undefined;
}

/** What the headers of a download or a HEAD say; names in lower case. */
export function messageHeaders(messageId: string, headers: Readonly<Record<string, string>>): MessageHeaders {
  return {
    messageId,
    messageType: headers['mex-messagetype'] ?? '',
    from: headers['mex-from'],
    workflowId: headers['mex-workflowid'],
    localId: headers['mex-localid'],
    subject: headers['mex-subject'],
    linkedMessageId: headers['mex-linkedmsgid'],
    statusCode: headers['mex-statuscode'],
    statusDescription: headers['mex-statusdescription'],
  };
}
