/** How the Node runtime reports a failed function. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/** What the host tells a worker. */
export interface InvocationMessage {
  readonly requestId: string;
  readonly invokedFunctionArn: string;
  /** JSON text, so that nothing but JSON crosses. */
  readonly event: string;
  /** Epoch milliseconds at which the invocation is cut off. */
  readonly deadline: number;
}

/** What a worker tells its host. Order matters: every line of an invocation comes before its end. */
export type WorkerMessage =
  | { readonly kind: 'line'; readonly at: number; readonly line: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly payload: string; readonly memoryBytes: number }
  | { readonly kind: 'failure'; readonly error: FunctionError; readonly memoryBytes: number }
  /** The function cannot go on: it did not load, or something outside the handler's promise broke. */
  | { readonly kind: 'crash'; readonly error: FunctionError; readonly memoryBytes: number };
