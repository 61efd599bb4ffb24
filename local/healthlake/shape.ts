import { idForm, isObject, type FhirResource } from './fhir.ts';
import { isFullDate, isInstant, isText, isUri } from './primitives.ts';

/** Elements that are plain text in every data type of the stored resources: no code is ever looked up in them. */
const plainText = new Set([
  'city',
  'display',
  'district',
  'family',
  'given',
  'line',
  'postalCode',
  'prefix',
  'state',
  'suffix',
  'text',
  'value',
  'valueString',
]);

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const literalReference = /^([A-Z][A-Za-z]{1,40})\/[A-Za-z0-9\-.]{1,64}$/;

/**
 * Everything about a resource that its validity depends on: the whole JSON, except that a value which has passed the check of its own form is replaced by a fixed value of that form. Two resources of one shape are both
 * valid or both not, so that a shape is judged once. A value of the wrong form stays in the shape as it is.
 *
 * @returns undefined for a resource that contains others, whose elements may mean anything
 */
export function shapeOf(resource: FhirResource): string | undefined {
  if ('contained' in resource) return undefined;
  return describe(resource, '');
}

/** Every text comes after its length, so that no content can look like structure. */
function describe(value: unknown, key: string): string {
  if (typeof value === 'string') {
    const text = placeholder(value, key);
    return `${text.length}:${text}`;
  }
  if (Array.isArray(value)) {
    let items = '[';
    for (const item of value) items += `${describe(item, key)},`;
    return `${items}]`;
  }
  if (isObject(value)) {
    let members = '{';
    for (const name of Object.keys(value)) members += `${name.length}:${name}=${describe(value[name], name)},`;
    return `${members}}`;
  }
  return String(value);
}

function placeholder(value: string, key: string): string {
  if (plainText.has(key)) return isText(value) ? 'x' : value;
  switch (key) {
    case 'id':
    case 'versionId':
      return idForm.test(value) ? 'x' : value;
    case 'source':
      return isUri(value) ? 'x' : value;
    case 'reference':
      return value.replace(literalReference, '$1/x');
  }
  if (value.length === 10) return isFullDate(value) ? '2000-01-01' : value;
  if (value.length === 36) return uuid.test(value) ? '00000000-0000-4000-8000-000000000000' : value;
  return value[10] === 'T' && isInstant(value) ? '2000-01-01T00:00:00Z' : value;
}
