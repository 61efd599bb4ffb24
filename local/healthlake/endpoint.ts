import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { SignatureRefused, verifySignature, type Credentials } from '../signature.ts';
import { Admission, type AdmissionCounters } from './admission.ts';
import { actionsOf, CallForbidden, Rights, type HealthLakeGuard } from './authorization.ts';
import { runBatch } from './batch.ts';
import { ControlPlaneRefused } from './control-plane.ts';
import { ExportJobs, type ExportAnswer, type ExportRights } from './export-jobs.ts';
import { Faults, type Operation } from './faults.ts';
import { isResource } from './fhir.ts';
import type { ImportRights } from './import-files.ts';
import { ImportJobs } from './import-jobs.ts';
import { interact, isThere, type Answer, type DataStore } from './interactions.ts';
import { badRequest, notImplemented, operationOutcome, Refused } from './refused.ts';
import { actionReply, faultReply, fhirReply, messageReply, send, type Reply } from './reply.ts';
import { callOf, header, operationOf, parseJson, readUpTo, refuseUnknownHeaders, type Received } from './request.ts';
import { endOfTime, type Store } from './store.ts';

const largestBodyBytes = 5_000_000;

export interface EndpointOptions {
  readonly datastoreId: string;
  readonly credentials: Credentials;
  /** Whoever signs may do everything when left out. */
  readonly guard?: HealthLakeGuard;
  /** How it writes exports; none can be asked for when left out. */
  readonly exports?: ExportRights;
  /** How it reads imports and writes their logs; none can be asked for when left out. */
  readonly imports?: ImportRights;
}

export interface Counters extends AdmissionCounters {
  /** Of any kind. */
  requests: number;
  /** Bundles carried out. */
  batches: number;
  /** Versions written by requests. */
  writes: number;
  /** Versions written by import jobs. */
  imported: number;
}

/** Something that the control plane can be asked to do; faults hit one that is an operation. */
interface Action {
  readonly operation?: Operation;
  readonly run: (body: unknown, rights: Rights) => object | Promise<object>;
}

/** Answers the requests to one data store. */
export class Endpoint implements DataStore {
  readonly store: Store;
  readonly basePath: string;
  readonly faults = new Faults();
  readonly counters: Counters = { requests: 0, batches: 0, writes: 0, imported: 0, throttledEntries: 0, writeUnits: 0 };
  readonly admission = new Admission(this.faults, this.counters);
  readonly importJobs: ImportJobs;
  searchLagMilliseconds = 0;
  baseUrl = '';
  readonly #credentials: Credentials;
  readonly #guard: HealthLakeGuard | undefined;
  readonly #exportJobs: ExportJobs;
  readonly #actions: ReadonlyMap<string, Action>;

  constructor(store: Store, { datastoreId, credentials, guard, exports, imports }: EndpointOptions) {
    this.store = store;
    this.basePath = `/datastore/${datastoreId}/r4/`;
    this.#credentials = credentials;
    this.#guard = guard;
    const exportJobs = new ExportJobs(store, datastoreId, exports, this.faults);
    const target = {
      load: (line: string) => this.#importLine(line),
      transaction: (work: () => void) => {
        store.transaction(work);
      },
    };
    const importJobs = new ImportJobs(datastoreId, imports, target, this.faults);
    this.#exportJobs = exportJobs;
    this.importJobs = importJobs;
    this.#actions = new Map<string, Action>([
      ['HealthLake.ListFHIRExportJobs', { run: (body) => exportJobs.list(body) }],
      ['HealthLake.StartFHIRImportJob', { operation: 'import', run: (body, rights) => importJobs.start(body, rights) }],
      ['HealthLake.DescribeFHIRImportJob', { operation: 'import-status', run: (body) => importJobs.describe(body) }],
      ['HealthLake.ListFHIRImportJobs', { operation: 'import-status', run: (body) => importJobs.list(body) }],
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
    const reply = await this.#answer(request);
    if (reply === 'none') response.destroy();
    else send(response, reply);
  }

  async #answer(request: IncomingMessage): Promise<Reply | 'none'> {
    if (request.headers.authorization === undefined) {
      request.resume();
      return messageReply(401, 'Missing Authentication Token');
    }
    const body = await readUpTo(request, largestBodyBytes);
    try {
      if (!body) throw new Refused(413, { code: 'too-long', diagnostics: 'The body is larger than 5 MB' });
      const caller = await verifySignature(request, 'healthlake', this.#credentials, body);
      const rights = new Rights(this.#guard, caller);
      const action = header(request, 'x-amz-target');
      if (action === undefined) return await this.#answerFhir(request, body, rights);
      return await this.#act(action, parseJson(body), rights);
    } catch (error) {
      if (error instanceof SignatureRefused) {
        return messageReply(403, `The request signature is refused: ${error.message}`);
      }
      if (error instanceof CallForbidden) return messageReply(403, error.message);
      if (error instanceof ControlPlaneRefused) return messageReply(400, error.message, error.type);
      if (!(error instanceof Refused)) throw error;
      const { headers, ...reply } = fhirReply({ status: error.status, body: operationOutcome(error.issues) });
      if (error.location === undefined) return { ...reply, headers };
      return { ...reply, headers: { ...headers, location: `${this.baseUrl}${error.location}` } };
    }
  }

  async #act(name: string, body: unknown, rights: Rights): Promise<Reply | 'none'> {
    const action = this.#actions.get(name);
    if (!action) throw notImplemented(`the control plane's ${name}`);
    const { operation, run } = action;
    rights.requireAction(name.replace(/^HealthLake\./, ''));
    const carryOut = async () => actionReply(await run(body, rights));
    return operation === undefined ? carryOut() : this.#underFaults(operation, carryOut);
  }

  async #answerFhir(request: IncomingMessage, body: Buffer, rights: Rights): Promise<Reply | 'none'> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://stand-in');
    if (!pathname.startsWith(this.basePath)) return messageReply(404, 'There is no such data store here');
    const segments = pathname
      .slice(this.basePath.length)
      .split('/')
      .map((segment) => decodeURIComponent(segment));
    const received = { request, query, segments, body };
    const operation = operationOf(received);
    return this.#underFaults(operation, () => this.#carryOut(operation, received, rights));
  }

  async #underFaults(operation: Operation, carryOut: () => Promise<Reply>): Promise<Reply | 'none'> {
    await delay(this.faults.takeDelay(operation));
    const fault = this.faults.takeCallFault(operation);
    if (fault?.kind === 'call-lost') return 'none';
    if (fault) return faultReply(fault, operation);
    const reply = await carryOut();
    return this.faults.takeLostAnswer(operation) ? 'none' : reply;
  }

  async #carryOut(operation: Operation, received: Received, rights: Rights): Promise<Reply> {
    const { request, query, segments, body } = received;
    if (operation === 'export') {
      rights.requireCall('StartFHIRExportJobWithPost');
      return this.#exportReply(await this.#exportJobs.start(query, header(request, 'prefer'), parseJson(body), rights));
    }
    const { method = '' } = request;
    if (operation === 'batch') rights.requireCall('ProcessBundle');
    else rights.requireCall(...actionsOf({ method, segments }, (type, id) => isThere(this, type, id)));
    const [resource, jobId] = segments;
    if (method === 'GET' && resource === 'export' && jobId !== undefined && segments.length === 2) {
      return this.#exportReply(this.#exportJobs.describe(jobId));
    }
    refuseUnknownHeaders(request);
    if (operation === 'batch') {
      const answered = runBatch(parseJson(body), this, this.admission, rights);
      this.counters.batches += 1;
      return fhirReply({ status: 200, body: answered });
    }
    const call = callOf(received);
    this.admission.admit(call);
    return fhirReply(interact(call, this));
  }

  #exportReply({ status, body, location }: ExportAnswer): Reply {
    const headers = { 'content-type': 'application/json' };
    if (location === undefined) return { status, headers, body };
    return { status, headers: { ...headers, 'content-location': `${this.baseUrl}${location}` }, body };
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
}
