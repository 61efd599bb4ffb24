export interface InvocationReport {
  readonly requestId: string;
  readonly durationMs: number;
  /** Only where the invocation made the function load. */
  readonly initMs: number | undefined;
  /** Megabytes. */
  readonly memorySize: number;
  /** Megabytes. */
  readonly memoryUsed: number;
  /** Why the environment ended, where it did. */
  readonly errorType: string | undefined;
}

/** The line in which Lambda sums up an invocation. Loading is billed too, as on Lambda since August 2025. */
export function reportLine(report: InvocationReport): string {
  const { requestId, durationMs, initMs, memorySize, memoryUsed, errorType } = report;
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(durationMs + (initMs ?? 0))} ms`,
    `Memory Size: ${memorySize} MB`,
    `Max Memory Used: ${memoryUsed} MB`,
  ];
  if (initMs !== undefined) fields.push(`Init Duration: ${initMs.toFixed(2)} ms`);
  if (errorType === 'Sandbox.Timedout') fields.push('Status: timeout');
  else if (errorType !== undefined) fields.push('Status: error', `Error Type: ${errorType}`);
  return fields.join('\t');
}
