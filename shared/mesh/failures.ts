import { PermanentError, RetryableError } from '../errors.ts';

/** The request never left, so nothing can have happened at the other side. */
const neverLeft = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

export type MeshFailure = RetryableError | PermanentError;

/** Whether a failed call may nevertheless have been accepted. */
export function mayHaveArrived(error: unknown): boolean {
  return error instanceof RetryableError && error.name === 'MeshUnavailable' && !isNeverLeft(error.cause);
}

function isNeverLeft(cause: unknown): boolean {
  return neverLeft.has(codeOf(cause));
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** Names a call that brought no HTTP answer: no connection, a broken one, a time-out, or a TLS alert. */
export function connectionFailure(error: unknown, call: string): MeshFailure {
  const code = codeOf(error);
  if (/^ERR_(?:SSL|TLS)|CERT|UNABLE_TO_(?:VERIFY|GET)|EPROTO/.test(code)) {
    return new PermanentError(
      'MeshCertificateRefused',
      `${call}: the TLS handshake failed (${code}): check the client certificate, its key and the NHS CA bundle`,
    );
  }
  const said = `${call}: no answer from MESH (${code || 'connection lost'})`;
  return new RetryableError('MeshUnavailable', said, { cause: error });
}

/** Calls that name a message, so that "not found" speaks of it; elsewhere it speaks of the place. */
const aboutOneMessage = new Set(['Download', 'Acknowledge']);

/**
 * Names an HTTP answer that is not a success. Source: NHS England MESH API error codes, and its compliance catalogue
 * for 403 (701), 417 (702), 404 (704) and 410 (705).
 *
 * @param body the answer's text: JSON, a SOAP fault or nothing; only MESH's own short codes are taken from it
 */
export function refusal(status: number, body: string, call: string): MeshFailure {
  const said = `${call}: MESH answered ${status}${errorCode(body)}`;
  if (status === 425 || status === 429) return new RetryableError('MeshThrottled', said);
  if (status >= 500) return new RetryableError('MeshUnavailable', said);
  switch (status) {
    case 403:
      return new PermanentError(
        'MeshAuthenticationRefused',
        `${said}: check mailbox id, password, shared key and clock, and that the mailbox is enabled`,
      );
    case 404:
    case 410:
      return aboutOneMessage.has(call)
        ? new PermanentError('MeshMessageGone', `${said}: the message does not exist or was acknowledged before`)
        : new PermanentError('MeshRequestRefused', `${said}: check the base URL and the mailbox id`);
    case 417:
      return new PermanentError(
        'MeshRecipientUnknown',
        `${said}: check the recipient's mailbox id and that this workflow is registered for it`,
      );
    default:
      return new PermanentError('MeshRequestRefused', said);
  }
}

/** ` (12 SEND)` from the first error of a v2 body; nothing where the body has another shape. */
function errorCode(body: string): string {
  const code = /"code"\s*:\s*"([A-Za-z0-9 -]{1,30})"/.exec(body)?.[1];
  const event = /"event"\s*:\s*"([A-Za-z]{1,20})"/.exec(body)?.[1];
  return code || event ? ` (${[code, event].filter(Boolean).join(' ')})` : '';
}
