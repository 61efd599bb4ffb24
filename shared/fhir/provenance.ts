import { datasetTag, nhsEngland, operationalPolicy, sourceOf, terminology, type Coding } from './consent.ts';
import { uuidOfUrl } from './uuid.ts';

export interface ProvenanceOptions {
  readonly namespace: string;
  readonly runId: string;
  /** Our own organisation, on whose behalf the pipeline acts. */
  readonly odsCode: string;
}

/** Consents that one batch wrote, of one part and so of one answer. */
export interface WrittenChunk {
  /** Unlike that of every other chunk of the run, e.g. `part-0001/others-0001/7`. */
  readonly chunk: string;
  readonly consentIds: readonly string[];
  /** A code of v3-DataOperation. */
  readonly activity: 'CREATE' | 'UPDATE' | 'DELETE';
  /** The answer's own time. */
  readonly asAt: string;
  readonly recorded: string;
  /** MESH messages that the answer came in. */
  readonly messageIds: readonly string[];
}

/** FHIR R4 Provenance, with the elements that this pipeline writes. */
export interface Provenance {
  readonly resourceType: 'Provenance';
  readonly id: string;
  readonly meta: { readonly source: string; readonly tag: readonly Coding[] };
  readonly target: readonly { readonly reference: string }[];
  readonly occurredDateTime: string;
  readonly recorded: string;
  readonly policy: readonly string[];
  readonly activity: { readonly coding: readonly Coding[] };
  readonly agent: readonly {
    readonly type: { readonly coding: readonly Coding[] };
    readonly who: LogicalReference;
    readonly onBehalfOf?: LogicalReference;
  }[];
  readonly entity: readonly {
    readonly role: 'source';
    readonly what: Pick<LogicalReference, 'identifier'>;
  }[];
}

/** Names something by an identifier, since the store has no resource of it. */
export interface LogicalReference {
  readonly type: string;
  readonly identifier: { readonly system: string; readonly value: string };
  readonly display?: string;
}

/**
 * Says which answer made these Consents say what they say. One for a whole chunk: one for each Consent would double the
 * writes and say no more. A chunk that is written again has the same id.
 */
export function provenanceOf(
  { chunk, consentIds, activity, asAt, recorded, messageIds }: WrittenChunk,
  options: ProvenanceOptions,
): Provenance {
  const { namespace, runId, odsCode } = options;
  return {
    resourceType: 'Provenance',
    id: uuidOfUrl(`${namespace}/provenance/${runId}/${chunk}`),
    meta: { source: sourceOf(options), tag: [datasetTag(namespace)] },
    target: consentIds.map((id) => ({ reference: `Consent/${id}` })),
    occurredDateTime: asAt,
    recorded,
    policy: [operationalPolicy],
    activity: { coding: [{ system: `${terminology}/v3-DataOperation`, code: activity }] },
    agent: [
      { type: participant('assembler'), who: pipelineOf(namespace), onBehalfOf: organisationOf(odsCode) },
      { type: participant('author'), who: nhsEngland },
    ],
    entity: messageIds.map((value) => ({
      role: 'source',
      what: { identifier: { system: `${namespace}/mesh-message-id`, value } },
    })),
  };
}

function participant(code: 'assembler' | 'author'): { coding: Coding[] } {
  return { coding: [{ system: `${terminology}/provenance-participant-type`, code }] };
}

/** This pipeline, as the device that writes. */
export function pipelineOf(namespace: string): LogicalReference {
  return {
    type: 'Device',
    identifier: { system: `${namespace}/device`, value: 'consent-sync' },
    display: 'NDOP consent sync pipeline',
  };
}

function organisationOf(odsCode: string): LogicalReference {
  return { type: 'Organization', identifier: { ...nhsEngland.identifier, value: odsCode } };
}
