import { z } from 'zod';
import { PermanentError } from '../errors.ts';
import { usableUntil } from '../ndop/expiry.ts';
import { datasetTag, sourceOf, terminology, type Coding } from './consent.ts';
import { pipelineOf, type LogicalReference } from './provenance.ts';
import { listOf, memberOf } from '../json.ts';
import type { FhirStore } from './store.ts';
import { uuidOfUrl } from './uuid.ts';

const dicom = 'http://dicom.nema.org/resources/ontology/DCM';

/** What is told of a completed run: counts and times, and nothing of a person. */
export interface CompletedRun {
  readonly runId: string;
  readonly outcome: string;
  readonly recorded: string;
  /** When the oldest request was sent that anything usable in the store rests on: freshness counts from there. */
  readonly asAt: string;
  readonly maxAgeDays: number;
  readonly submitted: number;
  readonly optedOut: number;
  readonly notOptedOut: number;
  readonly consentWrites: number;
}

/** FHIR R4 AuditEvent, with the elements that this pipeline writes. The store gives it an id. */
export interface RunMarker {
  readonly resourceType: 'AuditEvent';
  readonly meta: { readonly source: string; readonly tag: readonly Coding[] };
  readonly type: Coding;
  readonly subtype: readonly Coding[];
  readonly action: 'C';
  readonly recorded: string;
  readonly outcome: '0';
  readonly agent: readonly {
    readonly type: { readonly coding: readonly Coding[] };
    readonly who: LogicalReference;
    readonly requestor: boolean;
  }[];
  readonly source: { readonly observer: LogicalReference };
  readonly entity: readonly {
    readonly what: Pick<LogicalReference, 'identifier'>;
    readonly type: Coding;
    readonly role: Coding;
    readonly detail: readonly { readonly type: string; readonly valueString: string }[];
  }[];
}

/** What a consumer finds the markers by. */
function completedRunCode(namespace: string): Coding {
  return { system: `${namespace}/CodeSystem/audit-event-subtype`, code: 'ndop-run-completed' };
}

/**
 * Tells those who see the FHIR store alone until when its Consents may be relied on. An AuditEvent, since HealthLake lets
 * nobody change or delete one. Type, action and agent are those of a data import. Source: DICOM PS3.15, A.5.3.5.
 */
export function runMarkerOf(run: CompletedRun, { namespace }: { readonly namespace: string }): RunMarker {
  const { runId, outcome, recorded, asAt, maxAgeDays } = run;
  const { submitted, optedOut, notOptedOut, consentWrites } = run;
  const details = {
    runId,
    outcome,
    asAt,
    usableUntil: usableUntil(asAt, maxAgeDays),
    submitted,
    optedOut,
    notOptedOut,
    consentWrites,
  };
  const pipeline = pipelineOf(namespace);
  return {
    resourceType: 'AuditEvent',
    meta: { source: sourceOf({ namespace, runId }), tag: [datasetTag(namespace)] },
    type: { system: dicom, code: '110107', display: 'Import' },
    subtype: [completedRunCode(namespace)],
    action: 'C',
    recorded,
    outcome: '0',
    agent: [
      {
        type: { coding: [{ system: dicom, code: '110150', display: 'Application' }] },
        who: pipeline,
        requestor: false,
      },
    ],
    source: { observer: pipeline },
    entity: [
      {
        what: { identifier: { system: `${namespace}/run-id`, value: runId } },
        type: { system: `${terminology}/audit-entity-type`, code: '2', display: 'System Object' },
        role: { system: `${terminology}/object-role`, code: '20', display: 'Job' },
        detail: Object.entries(details).map(([type, value]) => ({ type, valueString: String(value) })),
      },
    ],
  };
}

/** Which closing of which run a marker is of. */
export interface Closing {
  readonly namespace: string;
  readonly runId: string;
  /** Tells this closing from others of the run: a run that is resumed closes again. */
  readonly opening: string | number;
}

/**
 * Posts a marker, once for each closing however often it is called: HealthLake keeps the key of a create and answers a
 * repeat with 409 `duplicate`.
 *
 * @throws PermanentError HealthLakeRefused. RetryableError HealthLakeThrottled, HealthLakeUnavailable
 */
export async function postRunMarker(
  store: Pick<FhirStore, 'baseUrl' | 'call'>,
  marker: RunMarker,
  { namespace, runId, opening }: Closing,
): Promise<void> {
  const answer = await store.call({
    url: new URL('AuditEvent', store.baseUrl),
    headers: {
      'content-type': 'application/fhir+json',
      'x-amz-fhir-idempotency-key': uuidOfUrl(`${namespace}/run-marker/${runId}/${opening}`),
    },
    body: JSON.stringify(marker),
    acceptedStatus: 409,
  });
  const isDuplicate = listOf(memberOf(answer, 'issue')).some((issue) => memberOf(issue, 'code') === 'duplicate');
  if (memberOf(answer, 'resourceType') === 'AuditEvent' || isDuplicate) return;
  throw new PermanentError('HealthLakeRefused', 'The marker of a completed run was answered with no AuditEvent');
}

const moment = z.iso.datetime();
const completedRun = z.looseObject({
  resourceType: z.literal('AuditEvent'),
  outcome: z.literal('0'),
  subtype: z.array(z.looseObject({ system: z.string().optional(), code: z.string().optional() })),
  entity: z.tuple([z.looseObject({ detail: z.array(z.looseObject({ type: z.string(), valueString: z.string() })) })]),
});

/** What the newest marker says of the whole store. */
export interface Freshness {
  readonly asAt: string;
  readonly usableUntil: string;
}

/**
 * Reads the newest marker as a consumer would.
 *
 * @returns undefined where there is none, or none that can be read: then nothing in the store may be relied on
 */
export async function newestRunMarker(
  store: Pick<FhirStore, 'search'>,
  namespace: string,
): Promise<Freshness | undefined> {
  const { system, code } = completedRunCode(namespace);
  const found = store.search('AuditEvent', { subtype: `${system}|${code}`, _sort: '-date', _count: '1' });
  for await (const resource of found) return freshnessOf(resource, { system, code });
  return undefined;
}

function freshnessOf(resource: unknown, { system, code }: Coding): Freshness | undefined {
  const { data } = completedRun.safeParse(resource);
  if (data?.subtype.some((coding) => coding.system === system && coding.code === code) !== true) return undefined;
  const [{ detail }] = data.entity;
  const details = new Map(detail.map(({ type, valueString }) => [type, valueString]));
  // Whichever of two is read, the other says something else.
  if (details.size < detail.length) return undefined;
  const told = z.object({ asAt: moment, usableUntil: moment }).safeParse(Object.fromEntries(details));
  return told.data;
}
