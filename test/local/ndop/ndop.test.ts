import { afterEach, beforeEach, describe, expect, it, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { type MeshStandIn, startMesh } from '../../../local/mesh/mesh.ts';
import { isValidNhsNumber } from '../../../local/ndop/nhs-number.ts';
import { answerAsNdop, type NdopBehaviour, type NdopOptions } from '../../../local/ndop/ndop.ts';
import { rawMailbox } from '../mesh/raw-mailbox.ts';

const sharedKey = 'TestKey';
const trust = { mailboxId: 'RZZ99OT001', password: 'trust', sharedKey };
const service = { mailboxId: 'X26OT154', password: 'service', sharedKey };
const reference = 'RZZ99OT001-050126-0001';
const about = {
  'mex-from': 'RZZ99OT001',
  'mex-to': 'X26OT154',
  'mex-workflowid': 'SPINE_NTT_UPHOLDING',
  'mex-subject': reference,
  'mex-localid': 'NDOP-20260105T143000Z-01',
  'mex-filename': `${reference}.dat`,
};
const numbers = '9993395633 9999939082 9991581766 9994140027 9990506310 9990759545 9998611687 9990987025'.split(' ');
const optedOut = new Set(['9994140027', '9998611687']);
const file = (nhsNumbers: readonly string[], lineEnd = '\r\n') =>
  nhsNumbers.map((nhsNumber) => `${nhsNumber},${lineEnd}`).join('');
const request = file(numbers);
const answer = file(numbers.filter((nhsNumber) => !optedOut.has(nhsNumber)));
const sentence = 'The file contains one or more invalid NHS Numbers.';

let mesh: MeshStandIn;
let ndop: { close(): void } | undefined;

beforeEach(async () => {
  mesh = await startMesh({ mailboxes: [trust, service], sharedKey });
});
afterEach(async () => {
  ndop?.close();
  await mesh.close();
});

function start(behaviour: NdopBehaviour, options: Partial<NdopOptions> = {}): void {
  const isOptedOut = (nhsNumber: string) => optedOut.has(nhsNumber);
  const timing = { noticeAfterMs: 2, answerAfterMs: 4 };
  ndop = answerAsNdop({ mesh, mailboxId: 'X26OT154', isOptedOut, behaviour, ...timing, ...options });
}

const send = (body: string | Buffer, headers: Record<string, string | undefined> = {}) =>
  rawMailbox(mesh.url, trust).sent({ ...about, ...headers }, Buffer.from(body));

interface Reply {
  readonly id: string;
  readonly kind: 'notice' | 'refused' | 'report' | 'data';
  readonly headers: Headers;
  readonly body: string;
}

/** Downloads and acknowledges what has come by then, until the inbox is empty. */
async function replies(waitMs = 30): Promise<Reply[]> {
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  const mailbox = rawMailbox(mesh.url, trust);
  const found: Reply[] = [];
  for (let ids = (await mailbox.list()).messages; ids.length > 0; ids = (await mailbox.list()).messages) {
    for (const id of ids) {
      const { headers, body } = await mailbox.download(id);
      await mailbox.acknowledge(id);
      const text = body.toString('latin1');
      found.push({ id, kind: kindOf(headers, text), headers, body: text });
    }
  }
  return found;
}

function kindOf(headers: Headers, body: string): Reply['kind'] {
  if (headers.get('mex-messagetype') === 'REPORT') return 'report';
  if (!body.startsWith('{')) return 'data';
  return body.includes('"passed":false') ? 'refused' : 'notice';
}

/** What came back in short: the kind, or the body of an answer. */
const inShort = (found: readonly Reply[]) => found.map(({ kind, body }) => (kind === 'data' ? body : kind));

describe('what each behaviour sends', () => {
  const shuffledLines = '9990987025,\n9990759545 ,\n9990506310, \n9991581766,\n9999939082 ,\n9993395633, \n';
  test.each<{ behaviour: NdopBehaviour; expected: string[] }>([
    { behaviour: 'happy', expected: ['notice', answer] },
    { behaviour: 'notice-after-answer', expected: [answer, 'notice'] },
    { behaviour: 'no-notice', expected: [answer] },
    { behaviour: 'duplicate-answer', expected: ['notice', answer, answer] },
    { behaviour: 'conflicting-answers', expected: ['notice', answer, answer.slice(13)] },
    { behaviour: 'rejects-everything', expected: ['notice', sentence] },
    { behaviour: 'empty-answer', expected: ['notice', ''] },
    { behaviour: 'everyone-opted-out', expected: ['notice', '\r\n'] },
    { behaviour: 'stranger-in-answer', expected: ['notice', `${answer}9990000018,\r\n`] },
    { behaviour: 'truncated-answer', expected: ['notice', answer.slice(0, 3 * 13 + 5)] },
    {
      behaviour: 'malformed-answer',
      expected: ['notice', `${answer.slice(0, 3 * 13)}this line is junk,\r\n${answer.slice(3 * 13)}`],
    },
    { behaviour: 'undelivered', expected: ['report'] },
    { behaviour: 'job-refused', expected: ['refused'] },
    { behaviour: 'no-answer', expected: ['notice'] },
    { behaviour: 'foreign-messages', expected: [request, request, request, 'notice', answer] },
    { behaviour: 'shuffled-answer', expected: ['notice', shuffledLines] },
  ])('$behaviour', async ({ behaviour, expected }) => {
    start(behaviour);
    await send(request);
    expect(inShort(await replies())).toEqual(expected);
  });
});

describe('the notice and the answer', () => {
  it('come from the service, on its workflow, with the LocalID of the request and a name made from it', async () => {
    start('happy');
    await send(request);
    const [notice, result] = await replies();
    for (const { headers } of [notice!, result!]) {
      expect(Object.fromEntries(headers)).toMatchObject({
        'mex-from': 'X26OT154',
        'mex-to': 'RZZ99OT001',
        'mex-workflowid': 'SPINE_NTT_UPHOLDING',
        'mex-localid': 'NDOP-20260105T143000Z-01',
        'mex-filename': 'NDOP-20260105T143000Z-01.dat',
        'mex-messagetype': 'DATA',
      });
    }
    expect(notice!.headers.get('mex-subject')).toBe('SUCCESS');
    expect(result!.headers.get('mex-subject')).toBe(reference);
  });

  it('says which upload the job is for, with twenty-digit integers as the service writes them', async () => {
    start('no-answer');
    const messageId = await send(gzipSync(request), { 'content-encoding': 'gzip' });
    const [notice] = await replies();
    expect(notice!.body).toMatch(/"stage":"validate_non_empty_file","ts":\d{20},"passed":true,"details":null/);
    expect(notice!.body.match(/"submitted_timestamp":\d{20},/g)).toHaveLength(2);
    expect(JSON.parse(notice!.body)).toMatchObject({
      status: 'pending',
      stages: [{ passed: true }, { stage: 'validate_is_unique_upload' }, { stage: 'validate_in_order' }],
      dataset_id: 'mesh_to_pos',
      metadata: {
        filename: `${reference}.dat`,
        filesize: request.length,
        request: {
          extra: {
            sending_mailbox: 'RZZ99OT001',
            landing_mailbox: 'X26OT154',
            message_id: messageId,
            local_id: 'NDOP-20260105T143000Z-01',
            subject: reference,
            compressed: true,
          },
        },
      },
    });
  });

  it('are sent after the request was collected, which tracking shows', async () => {
    start('happy', { noticeAfterMs: 150, answerAfterMs: 150 });
    const id = await send(request);
    const status = async () =>
      (await rawMailbox(mesh.url, trust).call('GET', `/outbox/tracking?messageID=${id}`)).json();
    expect(await status()).toMatchObject({ status: 'accepted' });
    await replies(250);
    expect(await status()).toMatchObject({ status: 'acknowledged' });
  });

  it('take their time each', async () => {
    start('happy', { noticeAfterMs: 20, answerAfterMs: 400 });
    await send(request);
    expect(inShort(await replies(60))).toEqual(['notice']);
    expect(inShort(await replies(400))).toEqual([answer]);
  });

  it('wait for what an answer has to wait for, the notice apart', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    start('happy', { answersOnce: promise });
    await send(request);
    expect(inShort(await replies())).toEqual(['notice']);
    resolve(undefined);
    expect(inShort(await replies())).toEqual([answer]);
  });

  it('never change places because the answer is due first', async () => {
    start('happy', { noticeAfterMs: 10, answerAfterMs: 0 });
    await send(request);
    expect(inShort(await replies())).toEqual(['notice', answer]);
  });
});

describe('the request', () => {
  test.each([
    { what: 'in LF', body: file(numbers, '\n'), expected: answer.replaceAll('\r\n', '\n') },
    { what: 'without a final line end', body: request.slice(0, -2), expected: answer },
    { what: 'of one person who has opted out', body: file(['9994140027']), expected: '\r\n' },
    { what: 'with a number of nine digits', body: file([...numbers, '999339563']), expected: sentence },
    { what: 'with a wrong check digit', body: file([...numbers, '9993395634']), expected: sentence },
    { what: 'with a number for which there is no check digit', body: file(['9990000000']), expected: sentence },
    { what: 'with a space in a number', body: file(['999 339 5633']), expected: sentence },
    { what: 'without commas', body: request.replaceAll(',', ''), expected: sentence },
    { what: 'with a header row', body: `NHSNumber,\r\n${request}`, expected: sentence },
    { what: 'with a byte-order mark', body: `\uFEFF${request}`, expected: sentence },
    { what: 'with a blank line', body: `${request}\r\n`, expected: sentence },
  ])('$what is answered as the service would', async ({ body, expected }) => {
    start('happy');
    await send(body);
    expect(inShort(await replies())).toEqual(['notice', expected]);
  });

  test.each([
    { what: 'no LocalID', headers: { 'mex-localid': undefined } },
    { what: 'no Subject', headers: { 'mex-subject': undefined } },
    { what: 'a colon in the LocalID', headers: { 'mex-localid': 'NDOP-2026-01-05T14:30' } },
    { what: 'a space in the Subject', headers: { 'mex-subject': 'January check' } },
    { what: 'another workflow', headers: { 'mex-workflowid': 'SPINE_OTHER' } },
  ])('with $what is never answered', async ({ headers }) => {
    start('happy');
    await send(request, headers);
    expect(await replies()).toEqual([]);
  });

  it('that is empty once decompressed is refused at the first stage', async () => {
    start('happy');
    await send(gzipSync(''), { 'content-encoding': 'gzip' });
    const [notice, ...more] = await replies();
    expect(more).toEqual([]);
    expect(JSON.parse(notice!.body)).toMatchObject({
      status: 'failed',
      stages: [{ stage: 'validate_non_empty_file', passed: false }],
    });
  });

  it('that repeats the bytes of an earlier one is refused as no unique upload, whatever its names', async () => {
    start('happy');
    await send(request);
    expect(inShort(await replies())).toEqual(['notice', answer]);
    await send(request, { 'mex-localid': 'NDOP-20260105T143000Z-02', 'mex-subject': 'RZZ99OT001-050126-0002' });
    const [notice, ...more] = await replies();
    expect(more).toEqual([]);
    expect(notice!.headers.get('mex-localid')).toBe('NDOP-20260105T143000Z-02');
    expect(JSON.parse(notice!.body)).toMatchObject({
      status: 'failed',
      stages: [{ passed: true }, { stage: 'validate_is_unique_upload', passed: false }],
    });
    await send(file(numbers.toReversed()));
    expect(inShort(await replies())).toHaveLength(2);
  });
});

it('reports a request that nobody collected with code 14 and the id of the request', async () => {
  start('undelivered');
  const id = await send(request);
  const [report] = await replies();
  expect(report!.headers.get('mex-statuscode')).toBe('14');
  expect(report!.headers.get('mex-linkedmsgid')).toBe(id);
});

it('mixes in foreign messages that differ from the answer in workflow and sender, sender, and LocalID', async () => {
  start('foreign-messages');
  await send(request);
  const facts = (await replies()).map(({ headers }) => [
    headers.get('mex-from') === 'X26OT154',
    headers.get('mex-workflowid') === 'SPINE_NTT_UPHOLDING',
    headers.get('mex-localid') === 'NDOP-20260105T143000Z-01',
  ]);
  expect(facts).toEqual([
    [false, false, true],
    [false, true, true],
    [true, true, false],
    [true, true, true],
    [true, true, true],
  ]);
});

it('sends nothing more once it is closed', async () => {
  start('happy', { noticeAfterMs: 150, answerAfterMs: 150 });
  await send(request);
  ndop?.close();
  await send(file(numbers.toReversed()));
  expect(await replies(200)).toEqual([]);
});

test.each([
  ['9993395633', true],
  ['9999939082', true],
  ['9993834521', true],
  ['9993395634', false],
  ['9990000000', false],
  ['999339563', false],
  ['99933956330', false],
  ['999339563X', false],
  ['', false],
])('NHS number %j is valid: %s', (text, isValid) => {
  expect(isValidNhsNumber(text)).toBe(isValid);
});
