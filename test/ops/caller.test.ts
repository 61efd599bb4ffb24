import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it, test } from '@jest/globals';
import { verifySignature } from '../../local/signature.ts';
import { callerArn } from '../../ops/caller.ts';

const credentials = { accessKeyId: 'AKIAREVIEWER', secretAccessKey: 'secret' };
const arn = 'arn:aws:sts::123456789012:assumed-role/ndop-reviewer/jo.bloggs';

let server: Server;
let url: string;
let answer: { status: number; body: string };
let asked: string[];

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const signedBy = await verifySignature(
        request,
        'sts',
        new Map([[credentials.accessKeyId, credentials.secretAccessKey]]),
        Buffer.from(body),
      ).catch(() => 'nobody');
      asked.push(`${signedBy} ${request.method} ${request.url}: ${body}`);
      response.writeHead(signedBy === 'nobody' ? 403 : answer.status).end(answer.body);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(() => {
  server.close();
});

const identity = `<GetCallerIdentityResponse><GetCallerIdentityResult>
  <Arn>${arn}</Arn><UserId>AROA:jo.bloggs</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>`;

it('gives the ARN that AWS knows the signer by', async () => {
  answer = { status: 200, body: identity };
  expect(await callerArn({ url, credentials })).toBe(arn);
  expect(asked).toEqual(['AKIAREVIEWER POST /: Action=GetCallerIdentity&Version=2011-06-15']);
});

it.each([
  { told: 'a refusal', status: 403, body: identity },
  { told: 'no identity', status: 200, body: '<html/>' },
])('gives no name where the answer is $told', async ({ status, body }) => {
  answer = { status, body };
  await expect(callerArn({ url, credentials })).rejects.toThrow(`answered with ${status}`);
});

test('a wrong secret gives no name', async () => {
  answer = { status: 200, body: identity };
  await expect(callerArn({ url, credentials: { ...credentials, secretAccessKey: 'another' } })).rejects.toThrow('403');
});
