import { describe, expect, it, test } from '@jest/globals';
import { PermanentError, RetryableError } from '../../../shared/errors.ts';
import { connectionFailure, MeshBusy, refusal } from '../../../shared/mesh/failures.ts';

const v2 = (event: string, code: string) => JSON.stringify({ message_id: 'm', detail: [{ event, code, msg: 'text' }] });
const v1 = (errorEvent: string, errorCode: string) =>
  JSON.stringify({ messageID: 'm', errorEvent, errorCode, errorDescription: '9993395633' });
const broken = (code: string, message = `${code} at 10.0.0.1`) => Object.assign(new Error(message), { code });
const inactive = JSON.stringify({ detail: [{ event: '', code: '', msg: 'Request Received from Inactive Mailbox' }] });
const duplicated = JSON.stringify({ detail: [{ event: '', code: '', msg: 'Error Duplicated Authentication Token' }] });
const send = { name: 'Send' };
const download = { name: 'Download', about: '20260105143801123456_A1B2C3' };

/** A name and what follows it, then what to do. */
const saysWhatToDo = /^[A-Z][^:]+: .+: \w+/;

describe('an answer of MESH that is no success', () => {
  test.each([
    { status: 301, body: '', name: 'MeshRequestRefused', says: 'base URL' },
    { status: 400, body: v2('TRANSFER', '06'), name: 'MeshRequestRefused', says: '(06 TRANSFER)' },
    { status: 401, body: '', name: 'MeshRequestRefused', says: 'defect' },
    { status: 403, body: '', name: 'MeshAuthenticationRefused', says: 'password' },
    { status: 403, body: v2('SEND', 'EPL-151'), name: 'MeshAuthenticationRefused', says: '(EPL-151 SEND)' },
    { status: 403, body: inactive, name: 'MeshMailboxDisabled', says: 'enable' },
    { status: 403, body: duplicated, name: 'MeshAuthenticationRefused', says: 'used before' },
    { status: 404, body: '', name: 'MeshRequestRefused', says: 'base URL' },
    { status: 406, body: '', name: 'MeshRequestRefused', says: 'defect' },
    { status: 410, body: '', name: 'MeshRequestRefused', says: 'base URL' },
    { status: 413, body: '', name: 'MeshRequestRefused', says: 'smaller chunks' },
    { status: 417, body: v2('SEND', '12'), name: 'MeshRecipientUnknown', says: 'recipient' },
    { status: 417, body: v1('SEND', '12'), name: 'MeshRecipientUnknown', says: 'recipient' },
    { status: 417, body: v2('SEND', 'EPL-153'), name: 'MeshRecipientUnknown', says: 'recipient' },
    { status: 417, body: v2('SEND', 'InvalidHeaderChunks'), name: 'MeshRequestRefused', says: 'InvalidHeaderChunks' },
    { status: 417, body: v2('COLLECT', '02'), name: 'MeshRequestRefused', says: '(02 COLLECT)' },
    { status: 417, body: '', name: 'MeshRequestRefused', says: '417' },
    { status: 422, body: '', name: 'MeshRequestRefused', says: 'defect' },
    { status: 423, body: '', name: 'MeshUploadComplete', says: 'nothing more' },
    { status: 300, body: '', name: 'MeshRequestRefused', says: 'several messages' },
  ])('$status with $body is $name for good', ({ status, body, name, says }) => {
    const failure = refusal(send, status, body);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.name).toBe(name);
    expect(failure.message).toContain(says);
    expect(failure.message).toMatch(saysWhatToDo);
  });

  test.each([
    { status: 404, name: 'MeshMessageUnknown', says: 'Download 20260105143801123456_A1B2C3: MESH answered 404' },
    { status: 410, name: 'MeshMessageGone', says: 'Download 20260105143801123456_A1B2C3: MESH answered 410' },
  ])('$status to a call that names a message is $name', ({ status, name, says }) => {
    expect(refusal(download, status, '')).toMatchObject({ name, message: expect.stringContaining(says) });
  });

  it('repeats no id that is none of MESH', () => {
    const { message } = refusal({ name: 'Download', about: '9993395633\n, Smith' }, 404, '');
    expect(message).toMatch(/^Download: MESH answered 404/);
  });

  test.each([
    { status: 408, name: 'MeshTimedOut' },
    { status: 425, name: 'MeshThrottled' },
    { status: 429, name: 'MeshThrottled' },
    { status: 500, name: 'MeshUnavailable' },
    { status: 502, name: 'MeshUnavailable' },
    { status: 503, name: 'MeshUnavailable' },
    { status: 504, name: 'MeshUnavailable' },
  ])('$status is $name and may pass', ({ status, name }) => {
    for (const body of ['', '<soap:Fault>9993395633</soap:Fault>', '{"message":"An internal error occurred."}']) {
      const failure = refusal(send, status, body);
      expect(failure).toBeInstanceOf(RetryableError);
      expect(failure).toMatchObject({ name, message: expect.stringMatching(saysWhatToDo) });
      expect(failure.message).not.toContain('9993395633');
    }
  });

  test.each([
    { retryAfter: undefined, seconds: 0 },
    { retryAfter: '7', seconds: 7 },
    { retryAfter: 'soon', seconds: 0 },
    { retryAfter: '-5', seconds: 0 },
    { retryAfter: 'Mon, 05 Jan 2026 14:37:59 GMT', seconds: 0 },
  ])('with Retry-After $retryAfter asks for $seconds seconds', ({ retryAfter, seconds }) => {
    const failure = refusal(send, 503, '', retryAfter);
    expect(failure instanceof MeshBusy && failure.retryAfterSeconds).toBe(seconds);
  });

  test.each([
    { body: v2('SEND', '12'), quoted: ' (12 SEND)' },
    { body: v2('', 'EPL-151'), quoted: ' (EPL-151)' },
    { body: v2('COLLECT', ''), quoted: ' (COLLECT)' },
    { body: v2('SEND', 'Message already accepted'), quoted: ' (Message already accepted SEND)' },
    { body: v1('RECEIVE', '20'), quoted: ' (20 RECEIVE)' },
    { body: v1('', ''), quoted: '' },
    { body: v2('', ''), quoted: '' },
    { body: v2('9993395633', '9993395633'), quoted: '' },
    { body: v2('<b>', 'SEND\n'), quoted: '' },
    { body: '', quoted: '' },
    { body: 'null', quoted: '' },
    { body: '[]', quoted: '' },
    { body: '{"detail":[]}', quoted: '' },
    { body: '{"detail":[7]}', quoted: '' },
    { body: '<soap:Fault>9993395633</soap:Fault>', quoted: '' },
    { body: '{"detail":"Not Found 9993395633"}', quoted: '' },
    { body: '{"detail":[{"type":"missing","loc":["header","mex-to"],"msg":"Field required"}]}', quoted: '' },
  ])('is told with the codes of $body and nothing else of it', ({ body, quoted }) => {
    const said = `Send: MESH answered 400${quoted}: report it as a defect of this client`;
    expect(refusal(send, 400, body).message).toBe(said);
  });
});

describe('a call that brought no answer', () => {
  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])(
    '%s is MeshUnavailable',
    (code) => {
      const failure = connectionFailure(broken(code), send);
      expect(failure).toBeInstanceOf(RetryableError);
      expect(failure.name).toBe('MeshUnavailable');
      expect(failure.message).toMatch(saysWhatToDo);
      expect(failure.message).toContain(code);
      expect(failure.message).not.toContain('10.0.0.1');
    },
  );

  test.each(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'HPE_INVALID_CONSTANT'])('%s is MeshConnectionLost', (code) => {
    const failure = connectionFailure(broken(code), download);
    expect(failure).toBeInstanceOf(RetryableError);
    expect(failure.name).toBe('MeshConnectionLost');
    expect(failure.message).toBe(
      `Download 20260105143801123456_A1B2C3: the connection to MESH broke (${code}): try again`,
    );
  });

  test.each([undefined, 'text', new Error('socket hang up'), null])('%s is MeshConnectionLost too', (error) => {
    const failure = connectionFailure(error, send);
    expect(failure.name).toBe('MeshConnectionLost');
    expect(failure.message).toBe('Send: the connection to MESH broke (closed): try again');
  });

  it('that was waited for is MeshTimedOut', () => {
    expect(connectionFailure(broken('ETIMEDOUT'), send)).toMatchObject({ name: 'MeshTimedOut' });
  });

  test.each([
    'CERT_HAS_EXPIRED',
    'CERT_NOT_YET_VALID',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'INVALID_CA',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_UNSUPPORTED_PROTOCOL',
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    'EPROTO',
  ])('%s is MeshServerUntrusted for good', (code) => {
    const failure = connectionFailure(broken(code), send);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure).toMatchObject({ name: 'MeshServerUntrusted', message: expect.stringMatching(saysWhatToDo) });
  });

  test.each([
    { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', alert: 'certificate required' },
    { code: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', alert: 'unknown ca' },
    { code: 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', alert: 'certificate expired' },
    { code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', alert: 'bad certificate' },
    { code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', alert: 'handshake failure' },
    { code: 'ERR_SSL_TLSV1_ALERT_ACCESS_DENIED', alert: 'access denied' },
  ])('$code is MeshCertificateRefused for good', ({ code, alert }) => {
    const failure = connectionFailure(broken(code), send);
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.name).toBe('MeshCertificateRefused');
    expect(failure.message).toContain(`(${alert})`);
    expect(failure.message).toMatch(saysWhatToDo);
  });

  it('reads the alert of TLS 1.2 from what OpenSSL says', () => {
    const said =
      'write EPROTO 40BD05CBD67F0000:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:../ssl.c:918:';
    expect(connectionFailure(broken('EPROTO', said), send)).toMatchObject({
      name: 'MeshCertificateRefused',
      message: expect.stringContaining('(unknown ca)'),
    });
  });

  it('takes an internal error of the TLS at the other side for what it is', () => {
    const failure = connectionFailure(broken('ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR'), send);
    expect(failure).toMatchObject({ name: 'MeshUnavailable' });
  });

  it('points at the certificate where the connection closes in the TLS handshake', () => {
    const said = 'Client network socket disconnected before secure TLS connection was established';
    const failure = connectionFailure(broken('ECONNRESET', said), send);
    expect(failure).toMatchObject({ name: 'MeshConnectionLost', message: expect.stringContaining('certificate') });
  });
});

test.each(['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER'])(
  '%s is no TLS before it was agreed, and a broken connection after',
  (code) => {
    const error = Object.assign(new Error('write failed'), { code });
    expect(connectionFailure(error, { name: 'Send' })).toMatchObject({ name: 'MeshServerUntrusted' });
    expect(connectionFailure(error, { name: 'Send' }, true)).toMatchObject({ name: 'MeshConnectionLost' });
  },
);

test.each([
  { status: 417, code: '17', name: 'MeshRecipientUnknown', says: 'workflow is registered' },
  { status: 417, code: '02', name: 'MeshRequestRefused', says: 'defect' },
  { status: 400, code: '08', name: 'MeshRequestRefused', says: "recipient's mailbox id" },
])('$status with code $code is $name: $says', ({ status, code, name, says }) => {
  const body = JSON.stringify({ detail: [{ event: 'SEND', code, msg: 'x' }] });
  expect(refusal({ name: 'Send' }, status, body)).toMatchObject({ name, message: expect.stringContaining(says) });
});
