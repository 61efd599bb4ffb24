import { ListTopicsCommand, PublishCommand, SNSClient, type PublishCommandInput } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, beforeEach, expect, it, test } from '@jest/globals';
import { startSns, type Notification } from '../../../local/sns/start-sns.ts';
import type { StandIn } from '../../../local/stand-in.ts';

const TopicArn = 'arn:aws:sns:eu-west-2:111122223333:ndop-runs';
const published: Notification[] = [];
let standIn: StandIn;
const clients: SNSClient[] = [];

beforeAll(async () => {
  standIn = await startSns({
    topicArns: [TopicArn],
    credentials: new Map([['AKIDLOCAL', 'secret']]),
    onPublish: (notification) => {
      published.push(notification);
    },
  });
});
beforeEach(() => {
  published.length = 0;
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await standIn.close();
});

function client(secretAccessKey = 'secret'): SNSClient {
  const made = new SNSClient({
    endpoint: standIn.url,
    region: 'eu-west-2',
    credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey },
    maxAttempts: 1,
  });
  clients.push(made);
  return made;
}

const publish = (input: Partial<PublishCommandInput>) =>
  client().send(new PublishCommand({ TopicArn, Message: 'm', ...input }));

it('hands over what is published and answers a message id', async () => {
  const { MessageId } = await publish({ Subject: 'Run done: 3 > 2', Message: 'Zeile 1\nümlaut & <more>' });
  expect(MessageId).toMatch(/^[0-9a-f-]{36}$/);
  expect(published).toEqual([{ topicArn: TopicArn, subject: 'Run done: 3 > 2', message: 'Zeile 1\nümlaut & <more>' }]);
});

it('needs no subject', async () => {
  await publish({});
  expect(published).toEqual([{ topicArn: TopicArn, message: 'm' }]);
});

it('takes a subject of 99 characters and a message of 256 KiB', async () => {
  await publish({ Subject: 's'.repeat(99), Message: 'ü'.repeat(128 * 1024) });
  expect(published).toHaveLength(1);
});

test.each([
  ['a subject of 100 characters', { Subject: 's'.repeat(100) }],
  ['an empty subject', { Subject: '' }],
  ['a subject beyond ASCII', { Subject: 'Lauf beendet – gut' }],
  ['a subject with a line break', { Subject: 'one\ntwo' }],
  ['a subject that begins with a space', { Subject: ' one' }],
  ['an empty message', { Message: '' }],
  ['a message above 256 KiB', { Message: `${'ü'.repeat(128 * 1024)}x` }],
  ['a topic that is not an ARN', { TopicArn: 'ndop-runs' }],
])('%s is an invalid parameter', async (_, input) => {
  await expect(publish(input)).rejects.toMatchObject({
    name: 'InvalidParameterException',
    $metadata: { httpStatusCode: 400 },
  });
  expect(published).toEqual([]);
});

it('does not find an unknown topic', async () => {
  await expect(publish({ TopicArn: `${TopicArn}-2` })).rejects.toMatchObject({
    name: 'NotFoundException',
    $metadata: { httpStatusCode: 404 },
  });
  expect(published).toEqual([]);
});

it('refuses a wrong signature', async () => {
  await expect(client('wrong').send(new PublishCommand({ TopicArn, Message: 'm' }))).rejects.toMatchObject({
    name: 'SignatureDoesNotMatch',
    $metadata: { httpStatusCode: 403 },
  });
  expect(published).toEqual([]);
});

test.each([
  ['ListTopics', () => client().send(new ListTopicsCommand({}))],
  ['MessageStructure', () => publish({ MessageStructure: 'json' })],
  ['MessageAttributes', () => publish({ MessageAttributes: { a: { DataType: 'String', StringValue: 'b' } } })],
])('%s is not implemented, and the answer says so', async (named, send) => {
  await expect(send()).rejects.toMatchObject({
    message: expect.stringContaining(named) as unknown,
    $metadata: { httpStatusCode: 501 },
  });
});
