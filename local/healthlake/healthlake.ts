import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { SignatureRefused, verifySignature, type Credentials } from '../signature.ts';
import { serve, type StandIn } from '../stand-in.ts';
import { Admission, type AdmissionCounters } from './admission.ts';
import { runBatch } from './batch.ts';
import { ControlPlaneRefused } from './control-plane.ts';
import { ExportJobs, type ExportAnswer, type ExportRights } from './export-jobs.ts';
import { Faults, type Operation } from './faults.ts';
import { isResource, type FhirResource, type Patient } from './fhir.ts';
import type { ImportRights } from './import-files.ts';
import { ImportJobs } from './import-jobs.ts';
import type { ImportWording } from './import-log.ts';
import { etagOf, interact, nameOf, type Answer, type Call, type DataStore } from './interactions.ts';
import { replacePatients } from './patients.ts';
import type { Quota } from './quota.ts';
import { badRequest, notImplemented, operationOutcome, Refused } from './refused.ts';
import { Store } from './store.ts';

const largestBodyBytes = 5_000_000;
const resourcesPerRead = 1_000;
const controlPlaneType = 'application/x-amz-json-1.0';
const endOfTime = '9999';

export interface HealthLakeOptions {
  /** Where the store is kept between starts; in memory when left out. */
  readonly file?: string;
  readonly datastoreId: string;
  readonly credentials: Credentials;
  /** How it writes exports; none can be asked for when left out. */
  readonly exports?: ExportRights;
  /** How it reads imports and writes their logs; none can be asked for when left out. */
  readonly imports?: ImportRights;
  readonly port?: number;
}

export interface HealthLake extends StandIn {
  /** FHIR base URL of the data store, with a trailing slash. */
  readonly baseUrl: string;
  /** Faults for the next calls. */
  readonly faults: Faults;
  /** Since the start. */
  readonly counters: Readonly<Counters>;
  /** What it lets through a second; without limits at first. */
  quota: Quota;
  /** How import jobs word what they leave. */
  importWording: ImportWording;
  /** How long a written resource stays out of search results, in milliseconds; 0 at first. */
  searchLagMilliseconds: number;
  /**
   * Makes the store's Patients exactly these: writes the new and the changed, deletes the others.
   *
   * @throws InvalidPatient, having deleted nothing
   */
  replacePatients(patients: Iterable<Patient> | AsyncIterable<Patient>): Promise<void>;
  /** The current version of every resource of a type, in id order. */
  resources(type: string): Iterable<FhirResource>;
}

interface Counters extends AdmissionCounters {
  /** Of any kind. */
  requests: number;
  /** Bundles carried out. */
  batches: number;
  /** Versions written by requests. */
  writes: number;
  /** Versions written by import jobs. */
  imported: number;
}

/**
 * Starts a stand-in for one AWS HealthLake data store: the FHIR R4 data plane at `<url>/datastore/<id>/r4/`, signed
 * requests only, its exports of Patients, and its imports by the control plane at `<url>/`. What it does not imitate it answers with 501.
 *
 * @throws PortInUse
 */
export async function startHealthLake(options: HealthLakeOptions): Promise<HealthLake> {
  const store = new Store(options.file);
  const endpoint = new Endpoint(store, options);
  let standIn: StandIn;
  try {
    standIn = await serve((request, response) => endpoint.handle(request, response), options.port);
  } catch (error) {
    store.close();
    throw error;
  }
  endpoint.baseUrl = `${standIn.url}${endpoint.basePath}`;
  return {
    url: standIn.url,
    baseUrl: endpoint.baseUrl,
    faults: endpoint.faults,
    counters: endpoint.counters,
    get quota() {
      return endpoint.admission.allowances.quota;
    },
    set quota(quota) {
      endpoint.admission.allowances.quota = quota;
    },
    get importWording() {
      return endpoint.importJobs.wording;
    },
    set importWording(wording) {
      endpoint.importJobs.wording = wording;
    },
    get searchLagMilliseconds() {
      return endpoint.searchLagMilliseconds;
    },
    set searchLagMilliseconds(milliseconds) {
      endpoint.searchLagMilliseconds = milliseconds;
    },
    replacePatients: (patients) => replacePatients(patients, store),
    resources: (type) => allResources(store, type),
    close: async () => {
      await standIn.close();
      store.close();
    },
  };
}

interface Received {
  readonly request: IncomingMessage;
  readonly url: URL;
  /** Of the path below the base URL. */
  readonly segments: readonly string[];
  readonly body: Buffer;
}

/** What the control plane can be asked to do; faults hit those that are an operation. */
interface Action {
  readonly operation?: Operation;
  readonly run: (body: unknown) => object | Promise<object>;
}

class Endpoint implements DataStore {
  readonly store: Store;
  readonly basePath: string;
  readonly faults = new Faults();
  readonly counters: Counters = { requests: 0, batches: 0, writes: 0, imported: 0, throttledEntries: 0, writeUnits: 0 };
  readonly admission = new Admission(this.faults, this.counters);
  searchLagMilliseconds = 0;
  baseUrl = '';
  readonly #credentials: Credentials;
  readonly #exportJobs: ExportJobs;
  readonly importJobs: ImportJobs;
  readonly #actions: ReadonlyMap<string, Action>;

  constructor(store: Store, { datastoreId, credentials, exports, imports }: HealthLakeOptions) {
    this.store = store;
    this.basePath = `/datastore/${datastoreId}/r4/`;
    this.#credentials = credentials;
    this.#exportJobs = new ExportJobs(store, datastoreId, exports, this.faults);
    const target = {
      load: (line: string) => this.#importLine(line),
      transaction: (work: () => void) => {
        store.transaction(work);
      },
    };
    this.importJobs = new ImportJobs(datastoreId, imports, target, this.faults);
    this.#actions = new Map<string, Action>([
      ['HealthLake.ListFHIRExportJobs', { run: (body) => this.#exportJobs.list(body) }],
      ['HealthLake.StartFHIRImportJob', { operation: 'import', run: (body) => this.importJobs.start(body) }],
      [
        'HealthLake.DescribeFHIRImportJob',
        { operation: 'import-status', run: (body) => this.importJobs.describe(body) },
      ],
      ['HealthLake.ListFHIRImportJobs', { operation: 'import-status', run: (body) => this.importJobs.list(body) }],
    ]);
  }

  indexedUntil = (): string =>
    this.searchLagMilliseconds === 0 ? endOfTime : new Date(Date.now() - this.searchLagMilliseconds).toISOString();

  wrote = (): void => {
    this.counters.writes += 1;
  };

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counters.requests += 1;
    response.setHeader('x-amzn-requestid', randomUUID());
    if (request.headers.authorization === undefined) {
      request.resume();
      sendMessage(response, 401, 'Missing Authentication Token');
      return;
    }
    const body = await readUpTo(request, largestBodyBytes);
    if (body) {
      try {
        await verifySignature(request, 'healthlake', this.#credentials, body);
      } catch (error) {
        if (!(error instanceof SignatureRefused)) throw error;
        sendMessage(response, 403, `The request signature is refused: ${error.message}`);
        return;
      }
    }
    try {
      if (!body) throw new Refused(413, { code: 'too-long', diagnostics: 'The body is larger than 5 MB' });
      await this.#answer(request, response, body);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.location !== undefined) response.setHeader('location', `${this.baseUrl}${error.location}`);
      sendFhir(response, { status: error.status, body: operationOutcome(error.issues) });
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const target = header(request, 'x-amz-target');
    if (target !== undefined) {
      await this.#answerControlPlane(target, parseJson(body), response);
      return;
    }
    const url = new URL(request.url ?? '/', 'http://stand-in');
    if (!url.pathname.startsWith(this.basePath)) {
      sendMessage(response, 404, 'There is no such data store here');
      return;
    }
    const path = url.pathname.slice(this.basePath.length);
    const isBundle = path === '' && request.method === 'POST';
    const segments = path.split('/').map((segment) => decodeURIComponent(segment));
    const operation = isBundle ? 'batch' : operationOf(request.method ?? '', segments);
    await delay(this.faults.takeDelay(operation));
    if (this.#sendFault(response, operation)) return;
    const send = await this.#carryOut(operation, { request, url, segments, body });
    if (this.faults.takeLostAnswer(operation)) response.destroy();
    else send(response);
  }

  async #answerControlPlane(target: string, body: unknown, response: ServerResponse): Promise<void> {
    const action = this.#actions.get(target);
    if (!action) throw notImplemented(`the control plane's ${target}`);
    const { operation, run } = action;
    if (operation !== undefined) {
      await delay(this.faults.takeDelay(operation));
      if (this.#sendFault(response, operation)) return;
    }
    try {
      const answer = await run(body);
      if (operation !== undefined && this.faults.takeLostAnswer(operation)) response.destroy();
      else response.writeHead(200, { 'content-type': controlPlaneType }).end(JSON.stringify(answer));
    } catch (error) {
      if (!(error instanceof ControlPlaneRefused)) throw error;
      sendMessage(response, 400, error.message, error.type);
    }
  }

  /** @returns what sends the answer */
  async #carryOut(
    operation: Operation,
    { request, url, segments, body }: Received,
  ): Promise<(response: ServerResponse) => void> {
    if (operation === 'export') {
      const started = await this.#exportJobs.start(url.searchParams, header(request, 'prefer'), parseJson(body));
      return (response) => {
        this.#sendExport(response, started);
      };
    }
    const [resource, jobId] = segments;
    if (request.method === 'GET' && resource === 'export' && jobId !== undefined && segments.length === 2) {
      const described = this.#exportJobs.describe(jobId);
      return (response) => {
        this.#sendExport(response, described);
      };
    }
    refuseUnknownHeaders(request);
    if (operation === 'batch') {
      const answered = runBatch(parseJson(body), this, this.admission);
      this.counters.batches += 1;
      return (response) => {
        sendFhir(response, { status: 200, body: answered });
      };
    }
    const call = callOf(request, segments, url.searchParams, body);
    this.admission.admit(call);
    const answer = interact(call, this);
    return (response) => {
      sendFhir(response, answer);
    };
  }

  /** An import writes as a PUT does, though it uses up no quota. */
  #importLine(line: string): Answer {
    try {
      const resource = parseJson(line);
      if (!isResource(resource)) throw badRequest('The line must be a resource', 'structure');
      const { resourceType, id } = resource;
      if (typeof id !== 'string') throw badRequest('Missing required id field', 'required');
      const call = { method: 'PUT', segments: [resourceType, id], parameters: new URLSearchParams(), resource };
      this.admission.refuseByFault(call);
      const { store, baseUrl, indexedUntil } = this;
      const wrote = () => {
        this.counters.imported += 1;
      };
      return interact(call, { store, baseUrl, indexedUntil, wrote });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { status: error.status, body: operationOutcome(error.issues) };
    }
  }

  #sendExport(response: ServerResponse, { status, body, location }: ExportAnswer): void {
    response
      .writeHead(status, {
        'content-type': 'application/json',
        ...(location === undefined ? {} : { 'content-location': `${this.baseUrl}${location}` }),
      })
      .end(JSON.stringify(body));
  }

  #sendFault(response: ServerResponse, operation: Operation): boolean {
    const fault = this.faults.takeCallFault(operation);
    // The control plane throttles with 400.
    const throttledStatus = operation === 'import' || operation === 'import-status' ? 400 : 429;
    switch (fault?.kind) {
      case undefined:
        return false;
      case 'call-lost':
        response.destroy();
        return true;
      case 'throttle':
        if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(fault.retryAfterSeconds));
        sendMessage(response, throttledStatus, 'Rate exceeded', 'ThrottlingException');
        return true;
      case 'throttle-in-400':
        sendMessage(response, 400, 'Rate exceeded', 'ThrottlingException');
        return true;
      case 'unavailable':
        sendMessage(response, 503, 'Service Unavailable');
        return true;
    }
  }
}

function callOf(request: IncomingMessage, segments: readonly string[], query: URLSearchParams, body: Buffer): Call {
  const method = request.method ?? '';
  const call = {
    method,
    segments,
    ifMatch: header(request, 'if-match'),
    ifNoneMatch: header(request, 'if-none-match'),
    idempotencyKey: header(request, 'x-amz-fhir-idempotency-key'),
  };
  if (method === 'POST' && segments[1] === '_search') {
    if (query.size > 0 && body.length > 0)
      throw badRequest('Search parameters stand in the URL or in the body, not both');
    if (body.length > 0 && !/^application\/x-www-form-urlencoded\b/.test(header(request, 'content-type') ?? '')) {
      throw badRequest('The body of a search must be application/x-www-form-urlencoded');
    }
    return { ...call, parameters: query.size > 0 ? query : new URLSearchParams(body.toString()) };
  }
  if (method !== 'POST' && method !== 'PUT') return { ...call, parameters: query };
  if (segments[1]?.startsWith('_') === true) throw notImplemented(nameOf(call));
  return { ...call, parameters: query, resource: parseJson(body) };
}

/** Headers that change what a request means, and that this store would otherwise pass over in silence. */
function refuseUnknownHeaders(request: IncomingMessage): void {
  for (const name of ['prefer', 'if-none-exist', 'if-modified-since', 'x-amz-fhir-history-consistency-level']) {
    if (request.headers[name] !== undefined) throw notImplemented(`the header ${name}`);
  }
  const level = header(request, 'x-amzn-healthlake-fhir-validation-level') ?? 'strict';
  if (level !== 'strict') throw notImplemented('a validation level other than strict');
}

function operationOf(method: string, segments: readonly string[]): Operation {
  if (method === 'POST' && segments.join('/') === 'Patient/$export') return 'export';
  if (segments[1] === '_search' || (method === 'GET' && segments.length === 1 && segments[0] !== 'metadata'))
    return 'search';
  return method === 'GET' ? 'read' : 'write';
}

function* allResources(store: Store, type: string): Generator<FhirResource> {
  let after = '';
  for (;;) {
    const page = store.find(type, { criteria: [], after, limit: resourcesPerRead, indexedUntil: endOfTime });
    for (const { resource } of page) if (resource) yield resource;
    const last = page.at(-1);
    if (!last) return;
    after = last.id;
  }
}

/** Reads a body to its end, so that the sender sees the answer; gives undefined when it is larger than allowed. */
async function readUpTo(request: IncomingMessage, mostBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const source: AsyncIterable<Buffer> = request;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes <= mostBytes) chunks.push(chunk);
  }
  return bytes <= mostBytes ? Buffer.concat(chunks) : undefined;
}

function parseJson(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw badRequest('The body is not JSON', 'structure');
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function sendFhir(response: ServerResponse, { status, body, version }: Answer): void {
  response.writeHead(status, {
    ...(body ? { 'content-type': 'application/fhir+json' } : {}),
    ...(version ? { etag: etagOf(version.version), 'last-modified': new Date(version.updated).toUTCString() } : {}),
  });
  response.end(body && JSON.stringify(body));
}

function sendMessage(response: ServerResponse, status: number, message: string, type?: string): void {
  response
    .writeHead(status, {
      'content-type': 'application/json',
      ...(type === undefined ? {} : { 'x-amzn-errortype': type }),
    })
    .end(JSON.stringify({ ...(type === undefined ? {} : { __type: type }), message }));
}
