import { Fhir } from 'fhir';
import type { ParsedProperty } from 'fhir/model/parsed-property.js';
import { isObject, isResource, listOf, textOf, type FhirResource } from './fhir.ts';
import { primitiveForms } from './primitives.ts';
import type { Issue, IssueCode } from './refused.ts';
import { shapeOf } from './shape.ts';

const rememberedShapes = 2_000;
const fhir = new Fhir();

const consentStates = new Set<unknown>(['draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error']);
const refusing = new Set<unknown>(['error', 'fatal']);
const provisionTypes = new Set<unknown>(['deny', 'permit']);
const knownProfiles =
  /^(http:\/\/hl7\.org\/fhir\/StructureDefinition\/|https:\/\/fhir\.hl7\.org\.uk\/StructureDefinition\/UKCore-)[A-Za-z-]+(\|[\d.]+)?$/;
const verdicts = new Map<string, readonly Issue[]>();

/**
 * Validates against base FHIR R4, as HealthLake does at validation level `strict` when no profile is declared:
 * structure, cardinality, required codes, the form of every primitive, and the rules of Consent and AuditEvent. Codes
 * outside extensible, preferred and example bindings are allowed. A profile of R4 itself or of UK Core may be declared, and
 * adds nothing here; that HealthLake refuses a resource that declares another is assumed.
 *
 * @returns what is wrong, without repeating what the resource says; empty when it is valid
 */
export function validate(resource: FhirResource): readonly Issue[] {
  const shape = shapeOf(resource);
  if (shape === undefined) return judge(resource);
  const known = verdicts.get(shape);
  if (known) return known;
  const issues = judge(resource);
  if (verdicts.size >= rememberedShapes) verdicts.clear();
  verdicts.set(shape, issues);
  return issues;
}

function judge(resource: FhirResource): readonly Issue[] {
  const empty = emptyParts(resource, resource.resourceType);
  if (empty.length > 0) return empty;
  return [...structureIssues(resource), ...profileIssues(resource), ...ownIssues(resource)];
}

function ownIssues(resource: FhirResource): readonly Issue[] {
  switch (resource.resourceType) {
    case 'AuditEvent':
      return auditEventIssues(resource);
    case 'Consent':
      return consentIssues(resource);
    default:
      return [];
  }
}

function profileIssues({ resourceType, meta }: FhirResource): readonly Issue[] {
  const declared = isObject(meta) ? listOf(meta.profile) : [];
  if (declared.every((profile) => knownProfiles.test(textOf(profile) ?? ''))) return [];
  const diagnostics = 'The resource declares a profile that is not known here';
  return [{ code: 'not-supported', diagnostics, expression: `${resourceType}.meta.profile` }];
}

/** FHIR R4, "JSON Representation": no null, no empty string, array or object; nor a null that pads a list. */
function emptyParts(value: unknown, path: string): readonly Issue[] {
  const empty: Issue = { code: 'structure', diagnostics: 'An element must have a value', expression: path };
  if (value === null || value === '') return [empty];
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.length === 0 ? [empty] : items.flatMap((item, index) => emptyParts(item, `${path}[${index}]`));
  }
  if (!isObject(value)) return [];
  const members = Object.entries(value);
  return members.length === 0 ? [empty] : members.flatMap(([name, part]) => emptyParts(part, `${path}.${safe(name)}`));
}

function structureIssues(resource: FhirResource): readonly Issue[] {
  const issues: Issue[] = [];
  const unread: FhirResource[] = [];
  try {
    const { messages } = fhir.validate(resource, {
      errorOnUnexpected: true,
      onBeforeValidateProperty: (parent: unknown, property, path, value: unknown) => {
        const values = property._multiple === true ? listOf(value) : [value];
        for (const one of values) {
          const issue = formIssue(property, path, one);
          if (issue) issues.push(issue);
          if (isResource(parent)) unread.push(...hoisted(parent, property._type, one));
        }
        return [];
      },
    });
    for (const { severity, location, message } of messages) {
      if (refusing.has(severity)) issues.push(translated(location ?? '', message ?? ''));
    }
  } catch {
    // The package reads some elements before it has looked at their type, e.g. a reference that is a number.
    return [...issues, { code: 'structure', diagnostics: 'An element is not of its type' }];
  }
  return [...issues, ...unread.flatMap(structureIssues)];
}

function formIssue(property: ParsedProperty, path: string, value: unknown): Issue | undefined {
  const { _type: type } = property;
  const isOfForm = primitiveForms.get(type);
  if (isOfForm) {
    if (typeof value === 'string' && isOfForm(value)) return undefined;
    return { code: 'value', diagnostics: `The value is not a ${type}`, expression: path };
  }
  const isComplex = /^[A-Z#]/.test(type);
  if (!isComplex || isObject(value)) return undefined;
  return { code: 'structure', diagnostics: `The value is not a ${type}`, expression: path };
}

/**
 * The package does not follow an element defined elsewhere in its resource (a provision in a provision, an agent in an
 * entity): each is validated where it is defined.
 */
function hoisted(parent: FhirResource, type: string, value: unknown): readonly FhirResource[] {
  if (type === '#Consent.provision') return [{ ...parent, provision: value }];
  if (type === '#Provenance.agent') {
    // Without the entities, which would be followed again.
    const { resourceType, target, recorded } = parent;
    return [{ resourceType, target, recorded, agent: [value] }];
  }
  return [];
}

/** Keeps the kind of a message and drops the value that it quotes. */
function translated(location: string, message: string): Issue {
  const [code, diagnostics]: [IssueCode, string] = message.startsWith('Missing property')
    ? ['required', 'A required element is missing']
    : message.endsWith('not found in value set')
      ? ['code-invalid', 'The code is not in the required value set']
      : message.startsWith('Unexpected property')
        ? ['structure', 'The element is not defined here']
        : message.startsWith('Property is not an array')
          ? ['structure', 'The element repeats and must be an array']
          : message.startsWith('Invalid type for reference')
            ? ['value', 'The reference is to a type that is not allowed here']
            : ['value', 'The value is not of the form that its type requires'];
  return { code, diagnostics, expression: location.split('.').map(safe).join('.') };
}

/** R4 AuditEvent, sev-1. */
function auditEventIssues({ entity }: FhirResource): readonly Issue[] {
  return listOf(entity).flatMap((one, at): Issue[] =>
    isObject(one) && one.name !== undefined && one.query !== undefined
      ? [
          {
            code: 'invariant',
            diagnostics: 'sev-1: either a name or a query, not both',
            expression: `AuditEvent.entity[${at}]`,
          },
        ]
      : [],
  );
}

/** R4 Consent: required codes, ppc-1, and what ppc-2 means (its published expression tests a literal that never holds). */
function consentIssues(consent: FhirResource): readonly Issue[] {
  const issues: Issue[] = [];
  if (!consentStates.has(consent.status)) {
    issues.push({
      code: 'code-invalid',
      diagnostics: 'The status is not a Consent state',
      expression: 'Consent.status',
    });
  }
  if (consent.policyRule === undefined && listOf(consent.policy).length === 0) {
    issues.push({ code: 'invariant', diagnostics: 'ppc-1: either a policy or a policyRule', expression: 'Consent' });
  }
  const scope = isObject(consent.scope) ? listOf(consent.scope.coding) : [];
  if (scope.some((coding) => isObject(coding) && coding.code === 'patient-privacy') && consent.patient === undefined) {
    issues.push({
      code: 'invariant',
      diagnostics: 'ppc-2: a Consent of scope patient-privacy must have a patient',
      expression: 'Consent.patient',
    });
  }
  return [...issues, ...provisionIssues(consent.provision, 'Consent.provision')];
}

function provisionIssues(provision: unknown, path: string): readonly Issue[] {
  if (!isObject(provision)) return [];
  const nested = listOf(provision.provision).flatMap((one, at) => provisionIssues(one, `${path}.provision[${at}]`));
  if (provision.type === undefined || provisionTypes.has(provision.type)) return nested;
  return [
    { code: 'code-invalid', diagnostics: 'The type is not deny or permit', expression: `${path}.type` },
    ...nested,
  ];
}

/** An element name as it may be shown; what a caller made up is not. */
function safe(name: string): string {
  return /^_?[A-Za-z]{1,40}(\[\d{1,6}\])?$/.test(name) ? name : '?';
}
