import { describe, expect, it, test } from '@jest/globals';
import type { MessageHeaders } from '../../../shared/mesh/message.ts';
import { classifiedBytes, classifyReply } from '../../../shared/ndop/reply.ts';
import { samplePeople } from '../../support/nhs-numbers.ts';

const source = { mailbox: 'X26OT154', workflowId: 'SPINE_NTT_UPHOLDING' };
const data: MessageHeaders = {
  messageId: '20260105144117123456_B2C3D4',
  messageType: 'DATA',
  from: 'X26OT154',
  workflowId: 'SPINE_NTT_UPHOLDING',
  localId: 'NDOP-20260105T143000Z-01',
  subject: 'RZZ99OT001-050126-0001',
};
const classify = (body: string | Buffer, headers: Partial<MessageHeaders> = {}) =>
  classifyReply({ ...data, ...headers }, Buffer.from(body).subarray(0, classifiedBytes), source);

const answer = samplePeople.map((number) => `${number},\r\n`).join('');

/** A job notice as it was seen, values invented: its time stamps are integers of twenty digits. */
const notice = `{"version": 10, "id": 90000001, "status": "pending",
 "received": "2026-01-05T14:41:15.700000", "submitted": "2026-01-05T14:41:15.450000", "finished": null,
 "stages": [
   {"stage": "validate_non_empty_file",   "ts": 20260105144115710000, "passed": true, "details": null},
   {"stage": "validate_is_unique_upload", "ts": 20260105144115711000, "passed": true, "details": null},
   {"stage": "validate_in_order",         "ts": 20260105144115715000, "passed": true, "details": null}],
 "runs": [], "sender_id": "RZZ99OT001", "agent_id": 1,
 "dataset_id": "mesh_to_pos", "dataset_version": null, "workspace": null,
 "metadata": {"submitted_timestamp": 20260105144115450000, "request": {"extra": {"encrypted": false}}, "s3_url": null},
 "pipeline_result": null, "test_scope": null}`;
const noticeOf = (fields: object) => JSON.stringify({ dataset_id: 'mesh_to_pos', status: 'pending', ...fields });

describe('a report of MESH', () => {
  test.each(['REPORT', 'Report', 'report'])(
    'is told by its type %s, whoever it is from and whatever its body',
    (messageType) => {
      const headers = { messageType, statusCode: '14', statusDescription: 'Message not collected', from: undefined };
      const expected = { class: 'report', code: '14', description: 'Message not collected' };
      expect(classify('', headers)).toEqual(expected);
      expect(classify(answer, headers)).toEqual(expected);
    },
  );

  it('may lack its code', () => {
    expect(classify('', { messageType: 'REPORT' })).toEqual({ class: 'report', code: '', description: '' });
  });
});

describe('a message that is not for us to read', () => {
  test.each([
    { headers: { from: 'X26HC065' }, because: 'another national mailbox sent it' },
    { headers: { from: undefined }, because: 'nobody sent it' },
    { headers: { workflowId: 'SPINE_NTT_UPHOLDING_TEST' }, because: 'its workflow is another' },
    { headers: { workflowId: undefined }, because: 'it has no workflow' },
  ])('is foreign: $because', ({ headers }) => {
    for (const body of [answer, notice, '']) expect(classify(body, headers)).toEqual({ class: 'foreign' });
  });
});

describe('a job notice', () => {
  test.each([
    { name: 'as seen in the wild, with integers of twenty digits', body: notice },
    { name: 'behind a byte-order mark and blank lines', body: `\ufeff\r\n ${notice}` },
    { name: 'with members that nobody has seen', body: noticeOf({ stages: [], brand: { new: ['member'] } }) },
    {
      name: 'with a stage that has not been judged',
      body: noticeOf({ stages: [{ stage: 'a', passed: null }, { stage: 'b' }] }),
    },
    { name: 'without stages', body: noticeOf({}) },
    { name: 'without a dataset', body: JSON.stringify({ stages: [{ stage: 'a', passed: true }] }) },
  ])('is a notice $name', ({ body }) => {
    expect(classify(body)).toEqual({ class: 'notice' });
    expect(classify(body, { subject: 'SUCCESS' })).toEqual({ class: 'notice' });
  });

  it('is known by its subject where nothing else tells', () => {
    expect(classify('{"id": 1}', { subject: 'SUCCESS' })).toEqual({ class: 'notice' });
    expect(classify('{"id": 1}')).toEqual({ class: 'unrecognised' });
  });

  it('that did not pass a stage is a refused job, and names the stages', () => {
    const stages = [
      { stage: 'validate_non_empty_file', passed: true },
      { stage: 'validate_is_unique_upload', passed: false },
      { stage: 'validate_in_order', passed: false },
    ];
    expect(classify(noticeOf({ stages }), { subject: 'SUCCESS' })).toEqual({
      class: 'job-refused',
      stages: ['validate_is_unique_upload', 'validate_in_order'],
    });
  });

  test.each(['failed', 'FAILURE', 'rejected', 'error'])('of status %s is a refused job', (status) => {
    expect(classify(noticeOf({ status }))).toEqual({ class: 'job-refused', stages: [] });
  });

  test.each([
    { name: 'cut off', body: notice.slice(0, 300) },
    { name: 'no JSON', body: '{9993395633,\n' },
    { name: 'of another shape', body: '{"stages": "none"}' },
    { name: 'longer than is looked at', body: noticeOf({ filler: ' '.repeat(classifiedBytes) }) },
  ])('is unrecognised where it is $name, even with its subject', ({ body }) => {
    expect(classify(body, { subject: 'SUCCESS' })).toEqual({ class: 'unrecognised' });
  });
});

describe('a rejected file', () => {
  test.each([
    'The file contains one or more invalid NHS Numbers.',
    'The file contains one or more invalid NHS Numbers. ',
    'The file contains one or more invalid NHS Numbers.\r\n',
    '\ufeffThe file contains one or more invalid NHS Numbers.',
    'THE FILE CONTAINS ONE OR MORE INVALID NHS NUMBERS.',
    'the file contains an invalid nhs number',
  ])('is known by its sentence: %j', (body) => {
    expect(classify(body)).toEqual({ class: 'rejected' });
  });
});

describe('an answer', () => {
  test.each([
    { name: 'CR LF', body: answer },
    { name: 'LF', body: answer.replaceAll('\r', '') },
    { name: 'CR', body: answer.replaceAll('\n', '') },
    { name: 'no line end after the last row', body: answer.trimEnd() },
    { name: 'no commas', body: answer.replaceAll(',', '') },
    { name: 'spaces around numbers', body: ' 9993395633 ,\r\n\t9999939082 \r\n' },
    { name: 'further fields', body: '9993395633,,x\r\n9999939082, note\r\n' },
    { name: 'blank lines', body: `\r\n\r\n${answer}\r\n  \r\n` },
    { name: 'a byte-order mark', body: `\ufeff${answer}` },
    { name: 'one row', body: '9993395633,\r\n' },
    { name: 'a row that is cut off', body: `${answer}99907` },
    { name: 'the subject of a notice', body: answer, subject: 'SUCCESS' },
  ])('is an answer with $name', ({ body, subject }) => {
    expect(classify(body, subject === undefined ? {} : { subject })).toEqual({ class: 'answer' });
  });

  it('longer than what is looked at may be cut anywhere in a row', () => {
    const long = '9993395633,\r\n'.repeat(6000);
    for (let length = classifiedBytes - 14; length <= classifiedBytes; length += 1) {
      expect(classifyReply(data, Buffer.from(long.slice(0, length)), source)).toEqual({ class: 'answer' });
    }
  });
});

describe('a blank body', () => {
  test.each(['', ' ', '\n', '\r\n', '\ufeff', '\ufeff\r\n', '\t\r\n \r\n'])('%j is blank', (body) => {
    expect(classify(body)).toEqual({ class: 'blank' });
    expect(classify(body, { subject: 'SUCCESS' })).toEqual({ class: 'blank' });
  });
});

describe('anything else', () => {
  test.each([
    'nhsNumber\r\n9993395633,\r\n',
    '"9993395633",\r\n',
    '999 339 5633,\r\n',
    '99933956330,\r\n',
    '999339563,\r\n9999939082,\r\n',
    '9993395633;\r\n9999939082;\r\n',
    `${answer}Total: 8\r\n`,
    'Internal error',
    '<html><body>Service unavailable</body></html>',
    '[{"dataset_id": "mesh_to_pos"}]',
    '\u0000\u0001\u0002',
  ])('%j is unrecognised', (body) => {
    expect(classify(body)).toEqual({ class: 'unrecognised' });
  });
});
