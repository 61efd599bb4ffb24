import { isObject, listOf, textOf, type FhirResource } from './fhir.ts';

/** A system and a value, as identifiers and codes have them; the system is empty where there is none. */
export interface Token {
  readonly system: string;
  readonly value: string;
}

/** The search parameters with few distinct values across a store; one combination of them is one row of `labels`. */
export const labelParameters = ['_source', '_tag', 'category', 'status'] as const;

export type LabelParameter = (typeof labelParameters)[number];
export type Labels = Readonly<Record<LabelParameter, readonly Token[]>>;
export type LookupParameter = 'identifier' | 'patient' | 'patient:identifier';

/** A value that few resources share, by which they are looked up: value, parameter, system. */
export type Lookup = readonly [value: string, parameter: LookupParameter, system: string];

/** What a search by label needs of a resource. Only Patient and Consent can be searched. */
export function labelsOf(resource: FhirResource | undefined): Labels {
  if (resource?.resourceType !== 'Patient' && resource?.resourceType !== 'Consent') {
    return { _source: [], _tag: [], category: [], status: [] };
  }
  const { resourceType, meta, category, status } = resource;
  const isConsent = resourceType === 'Consent';
  const { source, tag } = isObject(meta) ? meta : {};
  const concepts = isConsent ? listOf(category) : [];
  return {
    _source: plain(source),
    _tag: tokens(tag, 'code'),
    category: concepts.flatMap((concept) => (isObject(concept) ? tokens(concept.coding, 'code') : [])),
    status: isConsent ? plain(status) : [],
  };
}

/** What a search by identifier or patient needs of a resource. */
export function lookupsOf(resource: FhirResource | undefined): readonly Lookup[] {
  if (resource?.resourceType !== 'Patient' && resource?.resourceType !== 'Consent') return [];
  const { resourceType, identifier, patient } = resource;
  const subject = resourceType === 'Consent' && isObject(patient) ? patient : {};
  const lookups = (parameter: LookupParameter, found: readonly Token[]) =>
    found.map(({ system, value }): Lookup => [value, parameter, system]);
  return [
    ...lookups('identifier', tokens(identifier, 'value')),
    ...lookups('patient:identifier', tokens([subject.identifier], 'value')),
    ...lookups('patient', plain(subject.reference)),
  ];
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
