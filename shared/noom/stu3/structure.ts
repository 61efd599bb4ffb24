import { isObject } from '../../json.ts';
import { elementsOf, isResourceType, type ElementDefinition } from './definitions.ts';
import { isNarrative } from './narrative.ts';
import { isPrimitive, primitives } from './primitives.ts';

/** The first thing that is wrong with a resource as FHIR STU3, and where: in words that quote nothing of what it holds. */
export interface StructureFault {
  readonly path: string;
  readonly problem: string;
}

/** Resources hold no more levels than this; ten are what a Consent has. */
const deepest = 20;

/**
 * Checks the shape of a resource: known elements only, each as often as it may be, of its type, and never empty.
 *
 * @returns undefined where there is nothing wrong
 */
export function structureFaultOf(resource: unknown): StructureFault | undefined {
  return resourceFault(resource, '', 0);
}

function resourceFault(resource: unknown, path: string, depth: number): StructureFault | undefined {
  if (!isObject(resource)) return { path: path || 'the body', problem: 'must be a JSON object' };
  const { resourceType } = resource;
  if (typeof resourceType !== 'string' || !isResourceType(resourceType)) {
    return { path: joined(path, 'resourceType'), problem: 'is missing, or names a type that is not served here' };
  }
  return objectFault(resource, resourceType, path || resourceType, depth, new Set(['resourceType']));
}

function objectFault(
  value: unknown,
  type: string,
  path: string,
  depth: number,
  known: ReadonlySet<string> = new Set(),
): StructureFault | undefined {
  if (!isObject(value)) return { path, problem: 'must be a JSON object' };
  if (depth > deepest) return { path, problem: 'is nested too deeply' };
  const elements = elementsOf(type);
  const names = Object.keys(value).filter((name) => !known.has(name));
  if (names.length === 0) return { path, problem: 'must not be empty' };
  for (const name of names) {
    const definition = elements.get(name);
    if (!definition) return { path: joined(path, nameable(name)), problem: 'is not a known element' };
    const fault = elementFault(value[name], definition, joined(path, name), depth + 1);
    if (fault) return fault;
  }
  for (const { name, isRequired } of elements.values()) {
    if (isRequired && !(name in value)) return { path: joined(path, name), problem: 'is missing' };
  }
  return undefined;
}

function elementFault(
  value: unknown,
  { type, isList }: ElementDefinition,
  path: string,
  depth: number,
): StructureFault | undefined {
  if (!isList) return valueFault(value, type, path, depth);
  if (!Array.isArray(value)) return { path, problem: 'must be a JSON array' };
  if (value.length === 0) return { path, problem: 'must not be empty' };
  for (const [index, item] of value.entries()) {
    const fault = valueFault(item, type, `${path}[${index}]`, depth);
    if (fault) return fault;
  }
  return undefined;
}

function valueFault(value: unknown, type: string, path: string, depth: number): StructureFault | undefined {
  if (type === 'AnyResource') return resourceFault(value, path, depth);
  const primitive = primitives[type];
  if (!primitive) return objectFault(value, type, path, depth);
  if (type === 'xhtml' && !(typeof value === 'string' && isNarrative(value))) {
    return { path, problem: 'must be a div in XHTML with simple formatting' };
  }
  if (isPrimitive(primitive, value)) return undefined;
  return { path, problem: `must be of the type ${type}` };
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** A name as it was sent may be anything, a person's number too. */
export function nameable(name: string): string {
  return /^_?[A-Za-z]{1,40}$/.test(name) ? name : '(a name that is not shown)';
}
