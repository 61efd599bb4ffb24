/** A FHIR R4 resource as JSON; everything beyond the type is narrowed where it is used. */
export interface FhirResource {
  readonly resourceType: string;
  readonly [element: string]: unknown;
}

/** A resource that has its logical id. */
export interface IdentifiedResource extends FhirResource {
  readonly id: string;
}

/** A Patient as the local runner hands it over. */
export interface Patient extends IdentifiedResource {
  readonly resourceType: 'Patient';
}

/** The types this store takes; HealthLake itself takes every R4 type. */
export const storedTypes = ['AuditEvent', 'Consent', 'Patient', 'Provenance'] as const;

/** FHIR R4, data type `id`. */
export const idForm = /^[A-Za-z0-9\-.]{1,64}$/;

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isResource(value: unknown): value is FhirResource {
  return isObject(value) && typeof value.resourceType === 'string';
}

/** The elements of a repeating element; none when it is absent or not an array. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
