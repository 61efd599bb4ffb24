import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { type Authorize, refusalOf } from '../iam/access.ts';
import { keyUse } from '../iam/kms.ts';
import { element, text } from '../s3/xml.ts';
import { SignatureRefused, verifySignature, type Credentials } from '../signature.ts';
import { readBody, serve, type StandIn } from '../stand-in.ts';

export interface Notification {
  readonly topicArn: string;
  readonly subject?: string;
  readonly message: string;
}

export interface SnsOptions {
  readonly topicArns: readonly string[];
  readonly credentials: Credentials;
  /** Who may publish, and the key that encrypts the topics; whoever signs may do everything when left out. */
  readonly guard?: { readonly authorize: Authorize; readonly keyArn: string };
  /** Receives each notification before the publisher has its answer. */
  readonly onPublish: (notification: Notification) => void | Promise<void>;
  readonly port?: number;
}

/** The largest message in UTF-8 bytes. Source: "Publish", Amazon SNS API Reference. */
const largestMessageBytes = 256 * 1024;

/** A subject is shorter than this many characters. Source: "Publish", Amazon SNS API Reference. */
const subjectLimit = 100;

const supportedParameters = ['Action', 'Version', 'TopicArn', 'Subject', 'Message'];

/** A refusal as SNS gives it. */
class SnsError extends Error {
  override readonly name = 'SnsError';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A stand-in for Amazon SNS that answers Publish, in the query protocol that the SDK speaks to it. */
export async function startSns({ topicArns, credentials, guard, onPublish, port }: SnsOptions): Promise<StandIn> {
  return serve(async (request, response) => {
    const body = await readBody(request);
    try {
      const caller = await verifySignature(request, 'sns', credentials, body);
      const notification = parsePublish(new URLSearchParams(body.toString()));
      const refused = guard?.authorize(
        caller,
        { action: 'sns:Publish', resource: notification.topicArn },
        // Source: "Configure KMS permissions", Amazon SNS Developer Guide, "Key management".
        keyUse(guard.keyArn, 'GenerateDataKey', 'sns'),
        keyUse(guard.keyArn, 'Decrypt', 'sns'),
      );
      if (refused) throw new SnsError(403, 'AuthorizationError', refusalOf(refused));
      if (!topicArns.includes(notification.topicArn)) throw new SnsError(404, 'NotFound', 'Topic does not exist');
      await onPublish(notification);
      const result = element('PublishResult', [text('MessageId', randomUUID())]);
      const metadata = element('ResponseMetadata', [text('RequestId', randomUUID())]);
      answer(response, 200, element('PublishResponse', [result, metadata]));
    } catch (error) {
      refuse(response, asRefusal(error));
    }
  }, port);
}

/** @throws SnsError InvalidParameter, NotImplemented */
function parsePublish(parameters: URLSearchParams): Notification {
  const action = parameters.get('Action') ?? 'a request without an Action';
  if (action !== 'Publish') throw new SnsError(501, 'NotImplemented', `The SNS stand-in does not implement ${action}`);
  const unsupported = [...parameters.keys()].find((name) => !supportedParameters.includes(name));
  if (unsupported !== undefined) {
    throw new SnsError(501, 'NotImplemented', `The SNS stand-in does not implement Publish with ${unsupported}`);
  }
  const topicArn = parameters.get('TopicArn') ?? '';
  if (!/^arn:[^:]+:sns:[^:]+:\d{12}:[\w-]{1,256}$/.test(topicArn)) throw invalid('TopicArn');
  const message = parameters.get('Message') ?? '';
  if (message === '') throw invalid('Empty message');
  if (Buffer.byteLength(message) > largestMessageBytes) throw invalid('Message too long');
  const subject = parameters.get('Subject');
  if (subject === null) return { topicArn, message };
  if (!isSubject(subject)) throw invalid('Subject');
  return { topicArn, subject, message };
}

/** "ASCII text that begins with a letter, number, or punctuation mark", without line breaks or control characters. */
function isSubject(subject: string): boolean {
  return subject.length < subjectLimit && /^[\x21-\x7e][\x20-\x7e]*$/.test(subject);
}

function invalid(reason: string): SnsError {
  return new SnsError(400, 'InvalidParameter', `Invalid parameter: ${reason}`);
}

/** The refusal that an error stands for; any other error is a defect and thrown on. */
function asRefusal(error: unknown): SnsError {
  if (error instanceof SnsError) return error;
  if (error instanceof SignatureRefused) return new SnsError(403, 'SignatureDoesNotMatch', error.message);
  throw error;
}

function refuse(response: ServerResponse, { status, code, message }: SnsError): void {
  const type = status < 500 ? 'Sender' : 'Receiver';
  const error = element('Error', [text('Type', type), text('Code', code), text('Message', message)]);
  answer(response, status, element('ErrorResponse', [error, text('RequestId', randomUUID())]));
}

function answer(response: ServerResponse, status: number, xml: string): void {
  response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
}
