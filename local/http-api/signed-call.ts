import { Hash } from '@smithy/hash-node';
import { SignatureV4 } from '@smithy/signature-v4';

export interface SignedCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

interface Identity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Calls an HTTP API that IAM guards, as a client of it does. */
export async function signedCall(identity: Identity, target: string, call: SignedCall = {}): Promise<Response> {
  const { method = 'GET', body } = call;
  const headers = await signedHeaders(identity, target, call);
  return fetch(target, { method, headers, ...(body === undefined ? {} : { body }) });
}

/** The headers of a call, signed for `execute-api`. */
export async function signedHeaders(
  identity: Identity,
  target: string,
  { method = 'GET', headers = {}, body }: SignedCall = {},
): Promise<Record<string, string>> {
  const url = new URL(target);
  const signer = new SignatureV4({
    service: 'execute-api',
    region: 'eu-west-2',
    sha256: Hash.bind(null, 'sha256'),
    credentials: identity,
  });
  const signed = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries([...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)])),
    headers: { host: url.host, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return signed.headers;
}
