import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';

/** SNS refuses a longer subject. */
const subjectLength = 99;

/** Tells the operators' topic; subject and message name runs and counts, never a person. */
export async function notify(client: SNSClient, topicArn: string, subject: string, message: string): Promise<void> {
  await client.send(
    new PublishCommand({ TopicArn: topicArn, Subject: subject.slice(0, subjectLength), Message: message }),
  );
}
