import { SNSClient } from '@aws-sdk/client-sns';
import { expect, it } from '@jest/globals';
import { startSns, type Notification } from '../../local/sns/start-sns.ts';
import { notify } from '../../shared/notify.ts';

const topicArn = 'arn:aws:sns:eu-west-2:111122223333:ndop-runs';

it('publishes subject and message, the subject cut to what SNS takes', async () => {
  const published: Notification[] = [];
  const standIn = await startSns({
    topicArns: [topicArn],
    credentials: new Map([['AKIDLOCAL', 'secret']]),
    onPublish: (notification) => {
      published.push(notification);
    },
  });
  const client = new SNSClient({
    endpoint: standIn.url,
    region: 'eu-west-2',
    credentials: { accessKeyId: 'AKIDLOCAL', secretAccessKey: 'secret' },
    maxAttempts: 1,
  });
  await notify(client, topicArn, 'NDOP run completed', 'a\nb');
  await notify(client, topicArn, 'x'.repeat(120), 'c');
  client.destroy();
  await standIn.close();
  expect(published).toEqual([
    { topicArn, subject: 'NDOP run completed', message: 'a\nb' },
    { topicArn, subject: 'x'.repeat(99), message: 'c' },
  ]);
});
