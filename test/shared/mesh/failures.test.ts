import { describe, expect, it, test } from '@jest/globals';
import { PermanentError, RetryableError } from '../../../shared/errors.ts';
import { connectionFailure, mayHaveArrived, refusal } from '../../../shared/mesh/failures.ts';

const v2 = (event: string, code: string) => JSON.stringify({ message_id: 'm', detail: [{ event, code, msg: 'text' }] });
const broken = (code: string) => Object.assign(new Error(`${code} at 10.0.0.1`), { code });

describe('an answer of MESH that is no success', () => {
  test.each([
    { status: 400, name: 'MeshRequestRefused' },
    { status: 401, name: 'MeshRequestRefused' },
    { status: 403, name: 'MeshAuthenticationRefused' },
    { status: 404, name: 'MeshRequestRefused' },
    { status: 406, name: 'MeshRequestRefused' },
    { status: 410, name: 'MeshRequestRefused' },
    { status: 413, name: 'MeshRequestRefused' },
    { status: 417, name: 'MeshRecipientUnknown' },
    { status: 422, name: 'MeshRequestRefused' },
    { status: 423, name: 'MeshRequestRefused' },
    { status: 300, name: 'MeshRequestRefused' },
  ])('$status is $name for good', ({ status, name }) => {
    const failure = refusal(status, '', 'Send');
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.name).toBe(name);
    expect(mayHaveArrived(failure)).toBe(false);
  });

  test.each([404, 410])('%s to a call that names a message says that the message is gone', (status) => {
    expect(refusal(status, '', 'Download').name).toBe('MeshMessageGone');
    expect(refusal(status, '', 'Acknowledge').name).toBe('MeshMessageGone');
  });

  test.each([
    { status: 425, name: 'MeshThrottled', mayHaveArrived: false },
    { status: 429, name: 'MeshThrottled', mayHaveArrived: false },
    { status: 500, name: 'MeshUnavailable', mayHaveArrived: true },
    { status: 502, name: 'MeshUnavailable', mayHaveArrived: true },
    { status: 503, name: 'MeshUnavailable', mayHaveArrived: true },
    { status: 504, name: 'MeshUnavailable', mayHaveArrived: true },
  ])('$status is $name and may pass; what was sent may have arrived: $mayHaveArrived', (expected) => {
    const failure = refusal(expected.status, '', 'Send');
    expect(failure).toBeInstanceOf(RetryableError);
    expect(failure.name).toBe(expected.name);
    expect(mayHaveArrived(failure)).toBe(expected.mayHaveArrived);
  });

  test.each([
    { body: v2('SEND', '12'), said: 'Send: MESH answered 400 (12 SEND)' },
    { body: v2('', 'EPL-151'), said: 'Send: MESH answered 400 (EPL-151)' },
    { body: v2('COLLECT', ''), said: 'Send: MESH answered 400 (COLLECT)' },
    { body: v2('', ''), said: 'Send: MESH answered 400' },
    { body: '', said: 'Send: MESH answered 400' },
    { body: '<soap:Fault>9993395633</soap:Fault>', said: 'Send: MESH answered 400' },
    { body: '{"detail":"Not Found 9993395633"}', said: 'Send: MESH answered 400' },
    { body: '{"detail":[{"type":"missing","loc":["header","mex-to"]}]}', said: 'Send: MESH answered 400' },
  ])('is told with the codes of $body and nothing else of it', ({ body, said }) => {
    expect(refusal(400, body, 'Send').message).toBe(said);
  });
});

describe('a call that brought no answer', () => {
  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])(
    '%s is MeshUnavailable and cannot have arrived',
    (code) => {
      const failure = connectionFailure(broken(code), 'Send');
      expect(failure).toMatchObject({ name: 'MeshUnavailable', message: `Send: no answer from MESH (${code})` });
      expect(mayHaveArrived(failure)).toBe(false);
    },
  );

  test.each(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', 'HPE_INVALID_CONSTANT'])(
    '%s is MeshUnavailable and may have arrived',
    (code) => {
      const failure = connectionFailure(broken(code), 'Send');
      expect(failure.name).toBe('MeshUnavailable');
      expect(mayHaveArrived(failure)).toBe(true);
    },
  );

  test.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
    'EPROTO',
  ])('%s is MeshCertificateRefused for good', (code) => {
    const failure = connectionFailure(broken(code), 'Handshake');
    expect(failure).toBeInstanceOf(PermanentError);
    expect(failure.name).toBe('MeshCertificateRefused');
    expect(mayHaveArrived(failure)).toBe(false);
  });

  test.each([undefined, 'text', new Error('socket hang up'), null])('%s is MeshUnavailable too', (error) => {
    const failure = connectionFailure(error, 'Send');
    expect(failure.message).toBe('Send: no answer from MESH (connection lost)');
    expect(mayHaveArrived(failure)).toBe(true);
  });
});

it('an error of another kind says nothing of an arrival', () => {
  expect(mayHaveArrived(new RetryableError('AwsUnavailable', ''))).toBe(false);
  expect(mayHaveArrived(new TypeError())).toBe(false);
});
