import { isObject, listOf, textOf, type FhirResource } from './fhir.ts';

/** A system and a value, as identifiers and codes have them; the system is empty where there is none. */
export interface Token {
  readonly system: string;
  readonly value: string;
}

/**
 * The search parameters with few distinct values across a store; one combination of them is one row of `labels`, whose
 * lists are in this order: a new parameter goes to the end.
 */
export const labelParameters = ['_source', '_tag', 'category', 'status', 'subtype', 'type'] as const;

export type LabelParameter = (typeof labelParameters)[number];
export type Labels = Readonly<Record<LabelParameter, readonly Token[]>>;
export type LookupParameter = 'identifier' | 'patient' | 'patient:identifier' | 'target';

/** A value that few resources share, by which they are looked up: value, parameter, system. */
export type Lookup = readonly [value: string, parameter: LookupParameter, system: string];

/** What a search by label needs of a resource. */
export function labelsOf(resource: FhirResource | undefined): Labels {
  const { meta, category, status, subtype, type }: Readonly<Record<string, unknown>> = resource ?? {};
  const { source, tag } = isObject(meta) ? meta : {};
  const isConsent = resource?.resourceType === 'Consent';
  const isAuditEvent = resource?.resourceType === 'AuditEvent';
  const concepts = isConsent ? listOf(category) : [];
  return {
    _source: plain(source),
    _tag: tokens(tag, 'code'),
    category: concepts.flatMap((concept) => (isObject(concept) ? tokens(concept.coding, 'code') : [])),
    status: isConsent ? plain(status) : [],
    subtype: isAuditEvent ? tokens(subtype, 'code') : [],
    type: isAuditEvent ? tokens([type], 'code') : [],
  };
}

/** What a search by identifier or reference needs of a resource. */
export function lookupsOf(resource: FhirResource | undefined): readonly Lookup[] {
  const lookups = (parameter: LookupParameter, found: readonly Token[]) =>
    found.map(({ system, value }): Lookup => [value, parameter, system]);
  switch (resource?.resourceType) {
    case 'Consent': {
      const { identifier, patient } = resource;
      const subject = isObject(patient) ? patient : {};
      return [
        ...lookups('identifier', tokens(identifier, 'value')),
        ...lookups('patient:identifier', tokens([subject.identifier], 'value')),
        ...lookups('patient', plain(subject.reference)),
      ];
    }
    case 'Patient':
      return lookups('identifier', tokens(resource.identifier, 'value'));
    case 'Provenance': {
      const targets = listOf(resource.target).flatMap((target) => (isObject(target) ? plain(target.reference) : []));
      return lookups('target', targets);
    }
    default:
      return [];
  }
}

function tokens(items: unknown, valueElement: 'code' | 'value'): readonly Token[] {
  return listOf(items).flatMap((item) => {
    if (!isObject(item)) return [];
    const value = textOf(item[valueElement]);
    return value === undefined ? [] : [{ system: textOf(item.system) ?? '', value }];
  });
}

function plain(value: unknown): readonly Token[] {
  const text = textOf(value);
  return text === undefined ? [] : [{ system: '', value: text }];
}
