import { ConditionalCheckFailedException, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  paginateQuery,
  paginateScan,
  UpdateCommand,
  DeleteCommand,
  type NativeAttributeValue,
} from '@aws-sdk/lib-dynamodb';
import type { z } from 'zod';
import { PermanentError } from '../errors.ts';

export interface ItemKey {
  readonly pk: string;
  readonly sk: string;
}

type Fields = Readonly<Record<string, NativeAttributeValue>>;

/** A condition in DynamoDB's own language; `:names` are looked up in `values`, `#names` in `names`. */
export interface Condition {
  readonly expression: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Fields;
}

/**
 * The ledger's one table, item by item: every change is a single conditional write, so that a step may stop anywhere
 * and run again. Items hold ids, keys, counts, hashes and times, never a person.
 */
export class LedgerTable {
  readonly #client: DynamoDBDocumentClient;
  readonly #tableName: string;

  constructor(client: DynamoDBClient, tableName: string) {
    this.#client = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
    this.#tableName = tableName;
  }

  async read<Item>(key: ItemKey, schema: z.ZodType<Item>): Promise<Item | undefined> {
    const { Item } = await this.#client.send(
      new GetCommand({ TableName: this.#tableName, Key: { ...key }, ConsistentRead: true }),
    );
    return Item === undefined ? undefined : parseItem(key, Item, schema);
  }

  /** All items of a partition whose sort key begins so, in order. */
  async list<Item>(pk: string, sortKeyPrefix: string, schema: z.ZodType<Item>): Promise<Item[]> {
    const pages = paginateQuery(
      { client: this.#client },
      {
        TableName: this.#tableName,
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: { ':pk': pk, ':prefix': sortKeyPrefix },
      },
    );
    const items: Item[] = [];
    for await (const page of pages) {
      for (const item of page.Items ?? []) items.push(parseItem({ pk, sk: String(item.sk) }, item, schema));
    }
    return items;
  }

  /** Every item of a kind, by its sort key, in no order: for a person's question, never for a step. */
  async scan<Item>(partitionPrefix: string, sk: string, schema: z.ZodType<Item>): Promise<Item[]> {
    const pages = paginateScan(
      { client: this.#client },
      {
        TableName: this.#tableName,
        FilterExpression: 'begins_with(pk, :prefix) AND sk = :sk',
        ExpressionAttributeValues: { ':prefix': partitionPrefix, ':sk': sk },
      },
    );
    const items: Item[] = [];
    for await (const page of pages) {
      for (const item of page.Items ?? []) items.push(parseItem({ pk: String(item.pk), sk }, item, schema));
    }
    return items;
  }

  /** Writes an item that must not exist yet; false where it does. */
  putNew(key: ItemKey, fields: Fields): Promise<boolean> {
    return this.put(key, fields, { expression: 'attribute_not_exists(pk)' });
  }

  /** Writes a whole item; false where the condition does not hold. */
  put(key: ItemKey, fields: Fields, condition?: Condition): Promise<boolean> {
    return heldCondition(
      this.#client.send(
        new PutCommand({
          TableName: this.#tableName,
          Item: { ...fields, ...key },
          ...(condition && {
            ConditionExpression: condition.expression,
            ExpressionAttributeNames: condition.names,
            ExpressionAttributeValues: condition.values,
          }),
        }),
      ),
    );
  }

  /**
   * Sets fields of an item and forgets others; false where the condition does not hold. Without a condition the item
   * must exist.
   */
  set(
    key: ItemKey,
    fields: Fields,
    condition: Condition = { expression: 'attribute_exists(pk)' },
    forgotten: readonly string[] = [],
  ): Promise<boolean> {
    const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
    const setting = `SET ${entries.map((_, index) => `#f${index} = :f${index}`).join(', ')}`;
    const forgetting = forgotten.length === 0 ? '' : ` REMOVE ${forgotten.map((_, index) => `#r${index}`).join(', ')}`;
    return heldCondition(
      this.#client.send(
        new UpdateCommand({
          TableName: this.#tableName,
          Key: { ...key },
          UpdateExpression: setting + forgetting,
          ConditionExpression: condition.expression,
          ExpressionAttributeNames: {
            ...Object.fromEntries(entries.map(([name], index) => [`#f${index}`, name])),
            ...Object.fromEntries(forgotten.map((name, index) => [`#r${index}`, name])),
            ...condition.names,
          },
          ExpressionAttributeValues: {
            ...Object.fromEntries(entries.map(([, value], index) => [`:f${index}`, value])),
            ...condition.values,
          },
        }),
      ),
    );
  }

  /** Adds one to a counter and gives the result; a counter that does not exist begins at 0. */
  async increment(key: ItemKey, field: string): Promise<number> {
    const { Attributes } = await this.#client.send(
      new UpdateCommand({
        TableName: this.#tableName,
        Key: { ...key },
        UpdateExpression: 'ADD #field :one',
        ExpressionAttributeNames: { '#field': field },
        ExpressionAttributeValues: { ':one': 1 },
        ReturnValues: 'UPDATED_NEW',
      }),
    );
    return Number(Attributes?.[field]);
  }

  /** Removes an item; false where the condition does not hold. */
  remove(key: ItemKey, condition?: Condition): Promise<boolean> {
    return heldCondition(
      this.#client.send(
        new DeleteCommand({
          TableName: this.#tableName,
          Key: { ...key },
          ...(condition && {
            ConditionExpression: condition.expression,
            ExpressionAttributeNames: condition.names,
            ExpressionAttributeValues: condition.values,
          }),
        }),
      ),
    );
  }
}

async function heldCondition(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

function parseItem<Item>({ pk, sk }: ItemKey, item: unknown, schema: z.ZodType<Item>): Item {
  const parsed = schema.safeParse(item);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new PermanentError(
    'LedgerInconsistent',
    `The ledger item ${pk} ${sk} is not as written by this version: ${fields}`,
  );
}
