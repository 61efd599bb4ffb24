import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDynamoDb } from '../../../local/dynamodb/start-dynamodb.ts';
import type { StandIn } from '../../../local/stand-in.ts';

const credentials = new Map([['AKIDLOCAL', 'secret']]);
const TableName = 'ledger';
let directory: string;
let standIn: StandIn;
let ledger: DynamoDBDocumentClient;

function client(secretAccessKey = 'secret'): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(
    new DynamoDBClient({
      endpoint: standIn.url,
      region: 'eu-west-2',
      credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey },
      maxAttempts: 1,
    }),
  );
}

async function start(): Promise<void> {
  standIn = await startDynamoDb({ directory: join(directory, 'tables'), credentials });
  ledger = client();
}

async function stop(): Promise<void> {
  ledger.destroy();
  await standIn.close();
}

const createTable = (name: string) =>
  new CreateTableCommand({
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dynamodb-'));
  await start();
  await ledger.send(createTable(TableName));
});
afterAll(async () => {
  await stop();
  await rm(directory, { recursive: true, force: true });
});

const get = async (pk: string, sk: string) =>
  (await ledger.send(new GetCommand({ TableName, Key: { pk, sk }, ConsistentRead: true }))).Item;

describe('tables', () => {
  it('are there, and gone, at once', async () => {
    await ledger.send(createTable('short-lived'));
    const { Table } = await ledger.send(new DescribeTableCommand({ TableName: 'short-lived' }));
    expect(Table!.TableStatus).toBe('ACTIVE');
    await ledger.send(new DeleteTableCommand({ TableName: 'short-lived' }));
    await expect(ledger.send(new DescribeTableCommand({ TableName: 'short-lived' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('keep their items over a restart', async () => {
    await ledger.send(new PutCommand({ TableName, Item: { pk: 'RUN#kept', sk: 'META', counts: { asked: 3 } } }));
    await stop();
    await start();
    expect(await get('RUN#kept', 'META')).toEqual({ pk: 'RUN#kept', sk: 'META', counts: { asked: 3 } });
  });

  it('live in memory without a directory', async () => {
    const inMemory = await startDynamoDb({ credentials });
    const other = new DynamoDBClient({
      endpoint: inMemory.url,
      region: 'eu-west-2',
      credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'secret' },
    });
    await other.send(createTable('in-memory'));
    other.destroy();
    await inMemory.close();
  });
});

describe('conditional writes', () => {
  const putOnce = (pk: string, owner: string) =>
    ledger.send(
      new PutCommand({
        TableName,
        Item: { pk, sk: 'LEASE', owner, expiresAt: 100 },
        ConditionExpression: 'attribute_not_exists(pk) OR expiresAt < :now',
        ExpressionAttributeValues: { ':now': 50 },
      }),
    );

  it('put an item once', async () => {
    await putOnce('put-once', 'first');
    await expect(putOnce('put-once', 'second')).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
    expect(await get('put-once', 'LEASE')).toMatchObject({ owner: 'first' });
  });

  it('let exactly one of many racing writers win', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => putOnce('raced', `writer ${n}`)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('update under a condition, count, and give back the new item', async () => {
    const count = () =>
      ledger.send(
        new UpdateCommand({
          TableName,
          Key: { pk: 'MAILBOX#A', sk: 'SEQ#202611' },
          UpdateExpression: 'ADD #n :one SET #at = if_not_exists(#at, :at)',
          ConditionExpression: 'attribute_not_exists(#n) OR #n < :limit',
          ExpressionAttributeNames: { '#n': 'n', '#at': 'at' },
          ExpressionAttributeValues: { ':one': 1, ':limit': 2, ':at': 'first' },
          ReturnValues: 'ALL_NEW',
        }),
      );
    expect((await count()).Attributes).toMatchObject({ n: 1, at: 'first' });
    expect((await count()).Attributes).toMatchObject({ n: 2, at: 'first' });
    await expect(count()).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
  });

  it('delete what is still ours only', async () => {
    await putOnce('delete', 'me');
    const release = (owner: string) =>
      ledger.send(
        new DeleteCommand({
          TableName,
          Key: { pk: 'delete', sk: 'LEASE' },
          ConditionExpression: '#owner = :owner',
          ExpressionAttributeNames: { '#owner': 'owner' },
          ExpressionAttributeValues: { ':owner': owner },
        }),
      );
    await expect(release('somebody else')).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
    await release('me');
    expect(await get('delete', 'LEASE')).toBeUndefined();
  });
});

describe('queries', () => {
  const sortKeys = ['META', 'PART#0001', 'PART#0002', 'PART#0010', 'STEP#Open'];

  beforeAll(async () => {
    const puts = ['RUN#q', 'RUN#q2'].flatMap((pk) =>
      sortKeys.map((sk) => ({ PutRequest: { Item: { pk, sk, n: sk.length } } })),
    );
    await ledger.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
  });

  const query = async (more: object = {}) => {
    const { Items, LastEvaluatedKey } = await ledger.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: { ':pk': 'RUN#q', ':prefix': 'PART#' },
        ...more,
      }),
    );
    return { keys: Items!.map(({ sk }) => sk as string), LastEvaluatedKey };
  };

  it('find the items whose sort key begins with a prefix, in order', async () => {
    expect((await query()).keys).toEqual(['PART#0001', 'PART#0002', 'PART#0010']);
    expect((await query({ ScanIndexForward: false, Limit: 1 })).keys).toEqual(['PART#0010']);
  });

  it('go on where the last page ended', async () => {
    const first = await query({ Limit: 2 });
    const second = await query({ Limit: 2, ExclusiveStartKey: first.LastEvaluatedKey });
    expect([...first.keys, ...second.keys]).toEqual(['PART#0001', 'PART#0002', 'PART#0010']);
  });
});

describe('refusals', () => {
  it('a wrong signature is refused before dynalite sees the request', async () => {
    const stranger = client('wrong');
    await expect(stranger.send(new GetCommand({ TableName, Key: { pk: 'a', sk: 'b' } }))).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    });
    stranger.destroy();
  });

  test.each([
    [
      'transactions',
      () =>
        ledger.send(new TransactWriteCommand({ TransactItems: [{ Put: { TableName, Item: { pk: 'a', sk: 'b' } } }] })),
    ],
    [
      'time to live',
      () =>
        ledger.send(
          new UpdateTimeToLiveCommand({
            TableName,
            TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
          }),
        ),
    ],
  ])('%s are not supported and fail', async (_, send) => {
    await expect(send()).rejects.toMatchObject({ name: 'UnknownOperationException' });
  });
});

it('does not give back the item with a failed condition, which dynalite has no notion of', async () => {
  const Item = { pk: 'old', sk: 'META' };
  await ledger.send(new PutCommand({ TableName, Item }));
  const again = new PutCommand({
    TableName,
    Item,
    ConditionExpression: 'attribute_not_exists(pk)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  });
  const failure: unknown = await ledger.send(again).catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'ConditionalCheckFailedException' });
  expect(failure).not.toHaveProperty('Item.pk');
});
