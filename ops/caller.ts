import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { Hash } from '@smithy/hash-node';
import { SignatureV4, type SignatureV4Init } from '@smithy/signature-v4';

const region = 'eu-west-2';

/** Where AWS says whose credentials these are, and how the question is signed. */
export interface CallerOptions {
  readonly url?: string;
  readonly credentials?: SignatureV4Init['credentials'];
}

/**
 * Who the AWS credentials at hand belong to, as AWS says: nobody can give another name than the one that they signed in under.
 * Source: AWS Security Token Service API Reference, `GetCallerIdentity`, which needs no rights.
 *
 * @returns the ARN, of a role with the name of its session
 * @throws Error where AWS does not say so
 */
export async function callerArn({
  url = `https://sts.${region}.amazonaws.com/`,
  credentials = defaultProvider(),
}: CallerOptions = {}): Promise<string> {
  const { protocol, hostname, host, pathname } = new URL(url);
  const signer = new SignatureV4({ service: 'sts', region, credentials, sha256: Hash.bind(null, 'sha256') });
  const body = 'Action=GetCallerIdentity&Version=2011-06-15';
  const { method, headers } = await signer.sign({
    method: 'POST',
    protocol,
    hostname,
    path: pathname,
    headers: { host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body,
  });
  const response = await fetch(url, { method, headers, body, redirect: 'error', signal: AbortSignal.timeout(10_000) });
  const arn = /<Arn>(arn:aws:[^<\s]+)<\/Arn>/.exec(await response.text())?.[1];
  if (response.ok && arn !== undefined) return arn;
  throw new Error(
    `AWS does not say whose credentials these are: GetCallerIdentity was answered with ${response.status}`,
  );
}
