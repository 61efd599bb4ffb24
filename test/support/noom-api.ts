import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { createSecretKey, randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { noom } from '../../functions/noom/noom.ts';
import { startHealthLake, type HealthLake } from '../../local/healthlake/healthlake.ts';
import { consentOf } from '../../shared/fhir/consent.ts';
import { FhirStore } from '../../shared/fhir/store.ts';
import { PreferenceStore } from '../../shared/noom/preference-store.ts';
import { NoomClient, type NoomCall, type NoomClientOptions } from '../../shared/noom/client.ts';
import { without } from './preferences.ts';
import { readXml } from '../../shared/noom/stu3/xml-reader.ts';

export const namespace = 'https://fhir.example.nhs.uk/ndop';
export const baseUrl = 'https://noom.example.nhs.uk';
const signer = { accessKeyId: 'NOOM', secretAccessKey: 'secret' };

/** Whatever was answered, by the elements that tests look at: each as if it were there. */
export interface Answered {
  readonly resourceType: string;
  readonly id: string;
  readonly meta: {
    readonly versionId: string;
    readonly lastUpdated: string;
    readonly source: string;
    readonly profile?: readonly string[];
    readonly tag: Some<Coding>;
  };
  readonly type: string;
  readonly total: number;
  readonly link: Some<{ readonly relation: string; readonly url: string }>;
  readonly entry: Some<{ readonly fullUrl: string; readonly resource: Answered }>;
  readonly issue: Some<{
    readonly code: string;
    readonly details: { readonly coding: Some<Coding> };
    readonly diagnostics: string;
  }>;
  readonly status: string;
  readonly scope: { readonly coding: Some<Coding> };
  readonly category: Some<object>;
  readonly patient: { readonly reference: string; readonly display: string };
  readonly extension: Some<object>;
  readonly purpose: Some<Coding>;
  readonly provision: object;
  readonly rest: Some<{ readonly resource: Some<Capability> }>;
}

type Some<Item> = readonly [Item, ...Item[]];

interface Coding {
  readonly system: string;
  readonly code: string;
  readonly display: string;
}

interface Capability {
  readonly interaction: Some<{ readonly code: string }>;
  readonly searchParam: Some<{ readonly name: string }>;
}

export interface Called {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** As it came, unpacked. */
  readonly text: string;
  /** The JSON that it says, be it JSON or XML. */
  readonly resource: Answered;
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** A resource, sent as JSON; or a text as it is. */
  readonly body?: object | string | Uint8Array;
}

/** The API's function over a HealthLake stand-in, called as API Gateway calls it. */
export class NoomApi {
  readonly healthLake: HealthLake;
  readonly idKey = createSecretKey('00112233445566778899aabbccddeeff'.repeat(2), 'hex');
  patientReference: 'literal' | 'logical' = 'literal';
  patienceMilliseconds = 20_000;
  now = new Date('2026-11-20T06:00:00Z');

  static async open(): Promise<NoomApi> {
    const healthLake = await startHealthLake({
      datastoreId: '0123456789abcdef0123456789abcdef',
      credentials: new Map([[signer.accessKeyId, signer.secretAccessKey]]),
    });
    return new NoomApi(healthLake);
  }

  private constructor(healthLake: HealthLake) {
    this.healthLake = healthLake;
  }

  async close(): Promise<void> {
    await this.healthLake.close();
  }

  /** The store as the pipeline and the function see it. */
  get store(): FhirStore {
    return new FhirStore({
      baseUrl: this.healthLake.baseUrl,
      region: 'eu-west-2',
      credentials: signer,
      attempts: 4,
      sleep: () => Promise.resolve(),
    });
  }

  call(method: string, target: string, options: CallOptions = {}): Promise<Called> {
    const { pathname, search } = new URL(target, baseUrl);
    return this.callPath(method, `${pathname}${search}`, options);
  }

  /** With the path as it is, whatever it may lead to. */
  async callPath(method: string, target: string, { headers = {}, body }: CallOptions = {}): Promise<Called> {
    const bytes = Buffer.from(
      typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body ?? ''),
    );
    const sent = body === undefined ? undefined : bytes.toString('base64');
    const typed =
      typeof body === 'object' && !(body instanceof Uint8Array) ? { 'content-type': 'application/fhir+json' } : {};
    const result = await noom(eventOf(method, target, { ...typed, ...headers }, sent), {
      openStore: () =>
        Promise.resolve(
          new PreferenceStore({
            consents: this.store,
            patients: this.patientReference === 'literal' ? this.store : undefined,
            idKey: this.idKey,
            namespace,
            nhsNumberBlocks: ['test', 'england-wales-isle-of-man'],
          }),
        ),
      namespace,
      nhsNumberBlocks: ['test', 'england-wales-isle-of-man'],
      baseUrl: undefined,
      now: () => this.now,
      patienceMilliseconds: this.patienceMilliseconds,
    });
    const { statusCode = 0, body: answered = '', isBase64Encoded = false } = result;
    const text = isBase64Encoded ? gunzipSync(Buffer.from(answered, 'base64')).toString() : answered;
    return {
      status: statusCode,
      headers: (result.headers ?? {}) as Record<string, string>,
      text,
      resource: (text.startsWith('<') ? readXml(text) : JSON.parse(text === '' ? 'null' : text)) as Answered,
    };
  }

  /** For a client: what `fetch` would be to a deployed API. */
  send = async (url: URL, { method, headers, body }: NoomCall): Promise<Response> => {
    const {
      status,
      text,
      headers: answered,
    } = await this.call(method, url.href, {
      headers,
      ...(body === undefined ? {} : { body }),
    });
    // `fetch` unpacks, and says so no more.
    return new Response(text === '' ? null : text, { status, headers: without({ ...answered }, 'content-encoding') });
  };

  client(options: Partial<NoomClientOptions> = {}): NoomClient {
    return new NoomClient({ baseUrl, send: this.send, sleep: () => Promise.resolve(), ...options });
  }

  /** Writes what the pipeline would, once the national service has answered. */
  async learn(nhsNumber: number, status: 'active' | 'inactive', patientId = ''): Promise<{ readonly id: string }> {
    const since = '2026-11-13T02:41:07Z';
    const optOut = { nhsNumber, status, since, ...(status === 'active' ? { optedOutSince: since } : {}) };
    const consent = consentOf(optOut, patientId, {
      idKey: this.idKey,
      namespace,
      runId: '20261113T024107Z-7f3a',
      patientReference: this.patientReference,
    });
    await this.store.postBundle({
      resourceType: 'Bundle',
      type: 'batch',
      entry: [{ request: { method: 'PUT', url: `Consent/${consent.id}` }, resource: consent }],
    });
    return consent;
  }
}

/** A call as API Gateway hands it on, its body as base64. */
export function eventOf(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): APIGatewayProxyEventV2 {
  const [pathname = '', search = ''] = target.split(/\?(.*)/s);
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: pathname,
    rawQueryString: search,
    headers: { host: 'noom.example.nhs.uk', 'x-forwarded-proto': 'https', ...headers },
    requestContext: {
      accountId: '000000000000',
      apiId: 'noom',
      domainName: 'noom.example.nhs.uk',
      domainPrefix: 'noom',
      http: { method, path: pathname, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: '20/Nov/2026:06:00:00 +0000',
      timeEpoch: 1_795_154_400_000,
    },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: body !== undefined,
  };
}
