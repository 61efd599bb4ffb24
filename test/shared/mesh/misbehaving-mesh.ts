import { afterEach } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { readBody, serve, type StandIn } from '../../../local/stand-in.ts';
import { Mailbox, type MailboxOptions } from '../../../shared/mesh/mailbox.ts';
import type { DownloadedMessage } from '../../../shared/mesh/message.ts';
import { requestControl } from '../../../shared/ndop/request.ts';
import { bodyOf, bytesOf } from '../../support/bodies.ts';

export const control = requestControl(
  'RZZ99OT001-050126-0001',
  { from: 'RZZ99OT001', to: 'X26OT154' },
  { runId: '20260105T143000Z-7f3a', part: 1, attempt: 1 },
);
export const body = Buffer.from('9993395633,\r\n');
export const messageId = '20260105143001123456_A1B2C3';
export const accepted = JSON.stringify({ message_id: messageId });

let servers: Pick<StandIn, 'close'>[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

export type Answer = (response: ServerResponse, request: IncomingMessage, body: Buffer) => void;

/** A mailbox at a MESH that misbehaves like this; `asked` is what it was asked for. */
export async function meshAt(answer: Answer, options: Partial<MailboxOptions> = {}) {
  const asked: string[] = [];
  const pauses: number[] = [];
  const server = await serve(async (request, response) => {
    asked.push(`${request.method ?? ''} ${(request.url ?? '').replace('/messageexchange/RZZ99OT001', '')}`);
    const sent = await readBody(request);
    const [, named] = /\/inbox\/([^/?]+)/.exec(request.url ?? '') ?? [];
    // As MESH does in whatever it says of a message.
    if (named !== undefined) response.setHeader('mex-messageid', named);
    answer(response, request, sent);
  });
  servers.push(server);
  const pause = (milliseconds: number) => Promise.resolve(pauses.push(milliseconds));
  return { mailbox: mailboxAt(server.url, { pause, ...options }), asked, pauses };
}
export const mailboxAt = (baseUrl: string, options: Partial<MailboxOptions> = {}) =>
  new Mailbox({
    baseUrl,
    mailboxId: 'RZZ99OT001',
    credentials: { password: 'p', sharedKey: 'k' },
    pause: () => Promise.resolve(),
    ...options,
  });
/** Answers one after another, the last one from then on. */
export const inTurn = (...answers: Answer[]): Answer => {
  let turn = 0;
  return (...call) => {
    answers[Math.min(turn++, answers.length - 1)]!(...call);
  };
};
export const status =
  (code: number, headers: Record<string, string> = {}, text = ''): Answer =>
  (response) =>
    response.writeHead(code, headers).end(text);
export const reset: Answer = (response) => response.socket?.resetAndDestroy();
export const json = (response: ServerResponse, value: unknown) => response.writeHead(200).end(JSON.stringify(value));
export const outgoing = (content = body) => ({ bytes: content.length, content: bodyOf(content) });
export const send = (mailbox: Mailbox, content = body) => mailbox.send(control, outgoing(content));
export const whole = ({ body }: DownloadedMessage) => bytesOf(body);

/** A server below HTTP. */
export async function rawServer(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) =>
        server.close(() => {
          resolve();
        }),
      );
    },
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
