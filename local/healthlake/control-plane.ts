/** A control plane call refused: HTTP 400 whatever the exception. Source: AWS HealthLake API Reference. */
export class ControlPlaneRefused extends Error {
  override readonly name = 'ControlPlaneRefused';
  readonly type: 'AccessDeniedException' | 'ResourceNotFoundException' | 'ThrottlingException' | 'ValidationException';

  constructor(type: ControlPlaneRefused['type'], message: string) {
    super(message);
    this.type = type;
  }
}

/** @throws ControlPlaneRefused */
export function requireDataStore(asked: unknown, datastoreId: string): void {
  if (asked !== datastoreId) {
    throw new ControlPlaneRefused('ResourceNotFoundException', 'The requested data store was not found.');
  }
}
