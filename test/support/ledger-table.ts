import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startDynamoDb } from '../../local/dynamodb/start-dynamodb.ts';
import { LedgerTable } from '../../shared/ledger/table.ts';

/** An empty ledger table in the DynamoDB stand-in. */
export async function startLedgerTable() {
  const standIn = await startDynamoDb({ credentials: new Map([['AKIDLOCAL', 'secret']]) });
  const client = new DynamoDBClient({
    endpoint: standIn.url,
    region: 'eu-west-2',
    credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
  await client.send(
    new CreateTableCommand({
      TableName: 'ledger',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    }),
  );
  return {
    client,
    table: new LedgerTable(client, 'ledger'),
    stop: async (): Promise<void> => {
      client.destroy();
      await standIn.close();
    },
  };
}
