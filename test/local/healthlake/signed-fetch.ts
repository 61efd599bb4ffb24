import { Hash } from '@smithy/hash-node';
import { SignatureV4 } from '@smithy/signature-v4';

const accessKeyId = 'AKIDLOCAL';
const secretAccessKey = 'local-secret';
export const credentials: ReadonlyMap<string, string> = new Map([[accessKeyId, secretAccessKey]]);

/** What the tests read of a resource, a Bundle, an OperationOutcome or an error message. */
interface Body {
  readonly resourceType: string;
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly total: number;
  readonly fhirVersion: string;
  readonly meta: { readonly versionId: string };
  readonly issue: readonly { readonly severity: string; readonly code: string; readonly diagnostics: string }[];
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry: readonly {
    readonly resource?: Body;
    readonly request?: { readonly method: string };
    readonly response?: { readonly status: string; readonly etag: string; readonly outcome?: object };
  }[];
  readonly message: string;
  readonly __type?: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly secret?: string;
}

/** Sends a request signed for HealthLake, query and all. */
export async function signedFetch(
  target: string,
  { method = 'GET', headers = {}, body, secret }: Request = {},
): Promise<Reply> {
  const url = new URL(target);
  const signer = new SignatureV4({
    service: 'healthlake',
    region: 'eu-west-2',
    sha256: Hash.bind(null, 'sha256'),
    credentials: { accessKeyId, secretAccessKey: secret ?? secretAccessKey },
  });
  const signed = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries([...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)])),
    headers: { host: url.host, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const query = [...url.searchParams].map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
  const reply = await fetch(`${url.origin}${url.pathname}${query === '' ? '' : `?${query}`}`, {
    method,
    headers: signed.headers,
    ...(body === undefined ? {} : { body }),
  });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, body: (text === '' ? {} : JSON.parse(text)) as Body };
}

export function put(url: string, resource: object, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return signedFetch(url, { method: 'PUT', body: JSON.stringify(resource), headers });
}

export function post(url: string, resource: object, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return signedFetch(url, { method: 'POST', body: JSON.stringify(resource), headers });
}

export function postForm(url: string, form: Readonly<Record<string, string>>): Promise<Reply> {
  return signedFetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
}
