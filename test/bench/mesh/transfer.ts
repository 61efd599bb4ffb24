/** One transfer, once, as a program: prints what came of it and what it took as JSON. */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Mailbox } from '../../../shared/mesh/mailbox.ts';
import { peakMemoryMiB } from '../measure.ts';
import { payload } from './payload.ts';

const [task = '', form = '', url = '', megabytes = ''] = process.argv.slice(2);
const bytes = Number(megabytes) * 1_000_000;

const credentials = { password: 'password', sharedKey: 'TestKey' };
const mailbox = (mailboxId: string) => new Mailbox({ baseUrl: url, mailboxId, credentials, compress: form === 'gzip' });

async function* source(): AsyncGenerator<Buffer> {
  for (const piece of payload(bytes)) yield await Promise.resolve(piece);
}

async function rawSend(): Promise<string> {
  const answer = await new Promise<string>((resolve, reject) => {
    const posted = request(
      `${url}/?bytes=${bytes}`,
      { method: 'POST', headers: { 'content-length': bytes } },
      (response) => {
        response.once('data', (count: Buffer) => {
          resolve(count.toString());
        });
      },
    );
    posted.once('error', reject);
    pipeline(Readable.from(source()), posted).catch(reject);
  });
  return answer === String(bytes) ? 'complete' : `only ${answer} bytes`;
}

function rawReceive(): Promise<string> {
  return new Promise((resolve, reject) => {
    request(`${url}/?bytes=${bytes}`, (response) => {
      const hash = createHash('sha256');
      response.on('data', (piece: Buffer) => hash.update(piece));
      response.once('end', () => {
        resolve(hash.digest('hex'));
      });
      response.once('error', reject);
    })
      .once('error', reject)
      .end();
  });
}

async function meshSend(): Promise<string> {
  const outgoing = {
    from: 'X26ABC1',
    to: 'X26ABC2',
    workflowId: 'BENCH',
    subject: 'BENCH',
    localId: 'BENCH',
    fileName: 'bench.dat',
  };
  const { outcome } = await mailbox('X26ABC1').send(outgoing, { bytes, content: source() });
  return outcome === 'accepted' ? 'complete' : outcome;
}

async function meshReceive(): Promise<string> {
  const inbox = mailbox('X26ABC2');
  let sha256 = 'nothing waits';
  for await (const messageId of inbox.listInbox()) {
    sha256 = await inbox.download(messageId, async ({ body }) => {
      const hash = createHash('sha256');
      for await (const piece of body) hash.update(piece);
      return hash.digest('hex');
    });
    await inbox.acknowledge(messageId);
  }
  return sha256;
}

const tasks: Readonly<Record<string, () => Promise<string>>> = {
  'raw send': rawSend,
  'raw receive': rawReceive,
  'mesh send': meshSend,
  'mesh receive': meshReceive,
};
const run = tasks[task];
if (!run) throw new Error(`There is no task ${task}`);
const began = performance.now();
const result = await run();
const seconds = (performance.now() - began) / 1000;
process.stdout.write(JSON.stringify({ seconds, result, peakMemoryMiB: peakMemoryMiB() }));
