import { describe, expect, it, test } from '@jest/globals';
import type { MeshCall } from '../../shared/mesh/call.ts';
import { departures, messageIdOf, operationOf } from './published-form.ts';

const common = {
  accept: 'application/vnd.mesh.v2+json',
  'accept-encoding': 'gzip',
  'user-agent': 'a-client;1',
  'content-length': '0',
};
const noBody = { bytes: 0, sha256: '' };
const someBody = { bytes: 12, sha256: '' };
const times = { startedAt: '2026-01-05T14:37:59.000Z', endedAt: '2026-01-05T14:38:00.000Z' };
const mailbox = '/messageexchange/X26ABC1';
const id = '20260105143801123456_A1B2C3';

function call(more: Partial<MeshCall>): MeshCall {
  const base = { name: 'List', method: 'GET', path: `${mailbox}/inbox`, requestBody: noBody, status: 200, ...times };
  return { ...base, requestHeaders: common, ...more };
}

const sendHeaders = {
  ...common,
  'content-length': '12',
  'content-type': 'application/octet-stream',
  'content-encoding': 'gzip',
  'mex-from': 'X26ABC1',
  'mex-to': 'X26ABC2',
  'mex-workflowid': 'TEST_WORKFLOW',
  'mex-chunk-range': '1:3',
  'mex-localid': 'A-1',
};
const send = {
  method: 'POST',
  path: `${mailbox}/outbox`,
  requestHeaders: sendHeaders,
  requestBody: someBody,
  status: 202,
};
const chunkHeaders = {
  ...common,
  'content-type': 'application/octet-stream',
  'content-encoding': 'gzip',
  'mex-chunk-range': '12:13',
};
const chunk = { ...send, path: `${mailbox}/outbox/${id}/12`, requestHeaders: chunkHeaders };
const handshakeHeaders = { ...common, 'mex-clientversion': 'a==1', 'mex-osname': 'Linux', 'mex-osversion': 'N/A' };

test.each([
  { operation: 'list', more: {} },
  { operation: 'list', more: { path: `${mailbox}/inbox?max_results=500&workflow_filter=!AB*` } },
  { operation: 'handshake', more: { method: 'POST', path: mailbox, requestHeaders: handshakeHeaders } },
  { operation: 'head', more: { method: 'HEAD', path: `${mailbox}/inbox/${id}` } },
  { operation: 'download', more: { path: `${mailbox}/inbox/${id}`, status: 206 } },
  { operation: 'download chunk', more: { path: `${mailbox}/inbox/${id}/2` } },
  { operation: 'acknowledge', more: { method: 'PUT', path: `${mailbox}/inbox/${id}/status/acknowledged` } },
  { operation: 'send', more: send },
  { operation: 'send chunk', more: chunk },
  { operation: 'track', more: { path: `${mailbox}/outbox/tracking?messageID=${id}` } },
  { operation: 'track by local id', more: { path: `${mailbox}/outbox/tracking/A-1` } },
  { operation: 'look up', more: { path: '/messageexchange/endpointlookup/X26/TEST_WORKFLOW' } },
  { operation: 'search workflow', more: { path: '/messageexchange/workflowsearch/TEST_WORKFLOW' } },
] as const)('$operation has the published form', ({ operation, more }) => {
  const made = call(more);
  expect(operationOf(made)).toBe(operation);
  expect(departures(made, 'X26ABC1')).toEqual([]);
});

describe('a call that departs from the published form', () => {
  it.each([
    { why: 'another method', more: { method: 'DELETE' }, says: 'is no call of the MESH API' },
    { why: 'an unknown path', more: { path: `${mailbox}/inbox/rich/1/2` }, says: 'is no call of the MESH API' },
    { why: 'chunk 1 as a further chunk', more: { ...chunk, path: `${mailbox}/outbox/${id}/1` }, says: 'is no call' },
    { why: 'another mailbox', more: { path: '/messageexchange/X26ABC2/inbox' }, says: 'names another mailbox' },
    { why: 'a lower-case mailbox', more: { path: '/messageexchange/x26abc1/inbox' }, says: 'names another mailbox' },
    {
      why: 'two media types',
      more: { requestHeaders: { ...common, accept: `${common.accept}, */*` } },
      says: 'header accept has another form',
    },
    { why: 'no Accept', more: { requestHeaders: { 'user-agent': 'a' } }, says: 'header accept is missing' },
    {
      why: 'an unknown parameter',
      more: { path: `${mailbox}/inbox?limit=3` },
      says: 'parameter limit is not of this call',
    },
    { why: 'too short a page', more: { path: `${mailbox}/inbox?max_results=9` }, says: 'max_results has another form' },
    {
      why: 'a tracking by another name',
      more: { path: `${mailbox}/outbox/tracking?id=${id}` },
      says: 'messageID is missing',
    },
    {
      why: 'a handshake without a version',
      more: { method: 'POST', path: mailbox },
      says: 'mex-clientversion is missing',
    },
    { why: 'a body with a list', more: { requestBody: someBody }, says: 'a body of 12 bytes' },
    { why: 'an empty message', more: { ...send, requestBody: noBody }, says: 'a body of 0 bytes' },
    {
      why: 'a body beyond the gateway',
      more: { ...send, requestBody: { bytes: 21 << 20, sha256: '' } },
      says: 'more than',
    },
    {
      why: 'no recipient',
      more: { ...send, requestHeaders: { ...common, 'content-type': 'application/octet-stream' } },
      says: 'header mex-to is missing',
    },
    {
      why: 'another sender',
      more: { ...send, requestHeaders: { ...sendHeaders, 'mex-from': 'X26ABC2' } },
      says: 'mex-from is not the mailbox',
    },
    {
      why: 'another encoding',
      more: { ...send, requestHeaders: { ...sendHeaders, 'content-encoding': 'br' } },
      says: 'content-encoding has another form',
    },
    {
      why: 'a first chunk that is not the first',
      more: { ...send, requestHeaders: { ...sendHeaders, 'mex-chunk-range': '2:3' } },
      says: 'mex-chunk-range has another form',
    },
    {
      why: 'too long a local id',
      more: { ...send, requestHeaders: { ...sendHeaders, 'mex-localid': 'A'.repeat(301) } },
      says: 'mex-localid has another form',
    },
    {
      why: 'a recipient with a later chunk',
      more: { ...chunk, requestHeaders: { ...chunkHeaders, 'mex-to': 'X26ABC2' } },
      says: 'header mex-to is not of this call',
    },
    {
      why: 'a chunk that counts itself wrong',
      more: { ...chunk, requestHeaders: { ...chunkHeaders, 'mex-chunk-range': '11:13' } },
      says: 'counts another chunk than the path',
    },
    {
      why: 'a chunk beyond the total',
      more: { ...chunk, requestHeaders: { ...chunkHeaders, 'mex-chunk-range': '12:11' } },
      says: 'counts beyond its total',
    },
    {
      why: 'a header that is not ASCII',
      more: { ...send, requestHeaders: { ...sendHeaders, 'mex-subject': 'caf\u00e9' } },
      says: 'not printable ASCII',
    },
    { why: 'an answer that nobody documented', more: { status: 302 }, says: 'the answer 302 is not documented' },
  ])('$why', ({ more, says }) => {
    expect(departures(call(more), 'X26ABC1').join('\n')).toContain(says);
  });

  it('is named by the message that its path means', () => {
    expect(messageIdOf({ path: `${mailbox}/inbox/a%2Fb/status/acknowledged` })).toBe('a/b');
    expect(messageIdOf({ path: `${mailbox}/outbox/tracking?messageID=1` })).toBeUndefined();
  });
});
