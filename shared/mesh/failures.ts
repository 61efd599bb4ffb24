import { z } from 'zod';
import { PermanentError, RetryableError, type RetryableName } from '../errors.ts';
import { parseJson } from '../json.ts';
import { type Call, subjectOf } from './call.ts';

export type MeshFailure = RetryableError | PermanentError;

/** MESH answered that it cannot just now. */
export class MeshBusy extends RetryableError {
  /** How long MESH asks to be left alone; 0 where it does not say. */
  readonly retryAfterSeconds: number;

  constructor(name: RetryableName, message: string, retryAfterSeconds: number) {
    super(name, message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The connection was never made, so nothing can have happened at the other side. */
const neverConnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

/** What Node calls a time-out of its own or of ours. */
const timedOut = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT']);

/** OpenSSL's verdicts on the certificate of the other side. */
const untrusted = /CERT|UNABLE_TO_(?:VERIFY|GET|DECRYPT|DECODE)|^INVALID_(?:CA|PURPOSE)$|^HOSTNAME_MISMATCH$/;

/** Alerts that judge the certificate of the client; a handshake failure is how some say that it showed none. */
const aboutCertificate = /certificate|^unknown ca$|^access denied$|^handshake failure$|^decrypt error$/;

/**
 * Names a call that brought no whole HTTP answer: no connection, a broken one, a time-out, or a TLS alert.
 *
 * @param isConnected whether TLS, where there is any, was agreed: what breaks in it later is a broken connection
 */
export function connectionFailure(
  error: unknown,
  call: Pick<Call, 'name' | 'about'>,
  isConnected = false,
): MeshFailure {
  const name = subjectOf(call);
  const code = codeOf(error);
  const alert = alertOf(error, code);
  if (alert === 'internal error') {
    return new RetryableError('MeshUnavailable', `${name}: MESH broke off the TLS handshake: try again later`);
  }
  if (alert !== undefined && aboutCertificate.test(alert)) {
    return new PermanentError(
      'MeshCertificateRefused',
      `${name}: MESH refused our client certificate (${alert}): check that it is the mailbox's own, for this environment and in date`,
    );
  }
  if (untrusted.test(code)) {
    return new PermanentError(
      'MeshServerUntrusted',
      `${name}: the server's certificate is not to be trusted (${code}): check the base URL and that the CA bundle is the environment's`,
    );
  }
  if (!isConnected && /^ERR_(?:SSL|TLS|OSSL)|^EPROTO$/.test(code)) {
    return new PermanentError(
      'MeshServerUntrusted',
      `${name}: no TLS could be agreed with the server (${code}): check that the base URL is MESH's`,
    );
  }
  if (timedOut.has(code)) {
    return new RetryableError('MeshTimedOut', `${name}: MESH said nothing for too long: try again later`, {
      cause: error,
    });
  }
  if (neverConnected.has(code)) {
    return new RetryableError(
      'MeshUnavailable',
      `${name}: MESH cannot be reached (${code}): check the base URL and the way out of the network, or try again later`,
      { cause: error },
    );
  }
  const isHandshake = messageOf(error).includes('before secure TLS connection');
  return new RetryableError(
    'MeshConnectionLost',
    isHandshake
      ? `${name}: MESH closed the connection in the TLS handshake: try again, and check the client certificate where it stays so`
      : `${name}: the connection to MESH broke (${code || 'closed'}): try again`,
    { cause: error },
  );
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
}

/**
 * The alert that the server ended TLS with, such as `unknown ca`. Under TLS 1.2 Node reports it while it writes, as
 * EPROTO with OpenSSL's text; under 1.3 the handshake is over for us before the server looks at our certificate, and it
 * comes with the first reading, as `ERR_SSL_…_ALERT_…`.
 */
function alertOf(error: unknown, code: string): string | undefined {
  const said = code === 'EPROTO' ? messageOf(error) : code.replaceAll('_', ' ').toLowerCase();
  return / alert ([a-z ]{1,40})/.exec(said)?.[1];
}

/** What MESH says of an answer that is no success, as far as it may be repeated. */
interface Refusal {
  readonly code: string;
  readonly event: string;
  readonly isInactiveMailbox: boolean;
  readonly isDuplicateToken: boolean;
}

const version2 = z.looseObject({
  detail: z.tuple([z.looseObject({ code: z.string().optional(), event: z.string().optional() })]).rest(z.unknown()),
});
const version1 = z.looseObject({ errorCode: z.string().optional(), errorEvent: z.string().optional() });

/**
 * Names an HTTP answer that is not a success. Source: NHS England MESH API error codes, and its compliance catalogue
 * for 403 (701), 417 (702), 404 (704) and 410 (705).
 *
 * @param body the answer's text: JSON of version 1 or 2, a SOAP fault or nothing; only MESH's short codes are quoted
 * @param retryAfter the header of that name
 */
export function refusal(
  call: Pick<Call, 'name' | 'about'>,
  status: number,
  body: string,
  retryAfter?: string,
): MeshFailure {
  const { code, event, isInactiveMailbox, isDuplicateToken } = parseRefusal(body);
  const quoted = [code, event].filter((word) => word !== '').join(' ');
  const said = `${subjectOf(call)}: MESH answered ${status}${quoted === '' ? '' : ` (${quoted})`}`;
  if (status === 425 || status === 429) {
    return new MeshBusy('MeshThrottled', `${said}: it asks for fewer calls: try again later`, seconds(retryAfter));
  }
  if (status === 408) return new RetryableError('MeshTimedOut', `${said}: the request took too long: try again later`);
  if (status >= 500) {
    return new MeshBusy('MeshUnavailable', `${said}: MESH has a fault: try again later`, seconds(retryAfter));
  }
  switch (status) {
    case 403:
      if (isInactiveMailbox) {
        return new PermanentError(
          'MeshMailboxDisabled',
          `${said}: the mailbox is disabled: ask NHS England's service desk to enable it`,
        );
      }
      return new PermanentError(
        'MeshAuthenticationRefused',
        isDuplicateToken
          ? `${said}: the token was used before: see that nobody else uses this mailbox, then run again`
          : `${said}: check mailbox id, password, shared key and clock, and that the mailbox is the message's`,
      );
    case 404:
      return call.about !== undefined
        ? new PermanentError('MeshMessageUnknown', `${said}: there is no such message: leave it out`)
        : new PermanentError('MeshRequestRefused', `${said}: check the base URL and the mailbox id`);
    case 410:
      return call.about !== undefined
        ? new PermanentError(
            'MeshMessageGone',
            `${said}: the message was acknowledged before or has expired: take it as handled`,
          )
        : new PermanentError('MeshRequestRefused', `${said}: check the base URL and the mailbox id`);
    case 400:
      return new PermanentError(
        'MeshRequestRefused',
        code === '07' || code === '08'
          ? `${said}: check our own and the recipient's mailbox id`
          : `${said}: report it as a defect of this client`,
      );
    case 413:
      return new PermanentError('MeshRequestRefused', `${said}: send smaller chunks`);
    case 417:
      return code === '12' || code === '17' || code.startsWith('EPL-')
        ? new PermanentError(
            'MeshRecipientUnknown',
            `${said}: check the recipient's mailbox id and that this workflow is registered for it`,
          )
        : new PermanentError('MeshRequestRefused', `${said}: report it as a defect of this client`);
    case 423:
      return new PermanentError('MeshUploadComplete', `${said}: the message is complete: send nothing more of it`);
    case 300:
      return new PermanentError(
        'MeshRequestRefused',
        `${said}: several messages carry this local id: ask by message id`,
      );
    default:
      return new PermanentError(
        'MeshRequestRefused',
        status >= 400
          ? `${said}: report it as a defect of this client`
          : `${said}: check that the base URL is the MESH API's own`,
      );
  }
}

function parseRefusal(body: string): Refusal {
  const json = parseJson(body);
  const first = version2.safeParse(json).data?.detail[0];
  const flat = version1.safeParse(json).data;
  return {
    code: shortWord(first?.code ?? flat?.errorCode),
    event: shortWord(first?.event ?? flat?.errorEvent),
    isInactiveMailbox: /inactive mailbox/i.test(body),
    isDuplicateToken: /duplicated? authentication token/i.test(body),
  };
}

/** MESH's codes and events are short words; anything else is not repeated, and above all no ten digits. */
function shortWord(text = ''): string {
  return /^[A-Za-z0-9 -]{1,30}$/.test(text) && !/\d{4}/.test(text) ? text : '';
}

/** Retry-After in seconds: a number of them, or a date. */
function seconds(retryAfter = ''): number {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter);
  const left = (Date.parse(retryAfter) - Date.now()) / 1_000;
  return left > 0 ? left : 0;
}
