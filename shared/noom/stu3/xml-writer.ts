import { isObject } from '../../json.ts';
import { elementsOf, type ElementDefinition } from './definitions.ts';
import { primitives } from './primitives.ts';

export const fhirNamespace = 'http://hl7.org/fhir';
export const xhtmlNamespace = 'http://www.w3.org/1999/xhtml';

/** Writes a resource as FHIR XML, its elements in the order of their definition. */
export function writeXml(resource: object): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${resourceXml(resource, ` xmlns="${fhirNamespace}"`)}`;
}

function resourceXml(resource: unknown, namespace = ''): string {
  if (!isObject(resource) || typeof resource.resourceType !== 'string') return '';
  return elementXml(resource.resourceType, resource, resource.resourceType, namespace);
}

function elementXml(name: string, value: Readonly<Record<string, unknown>>, type: string, namespace = ''): string {
  let attributes = namespace;
  let content = '';
  for (const definition of elementsOf(type).values()) {
    const member = value[definition.name];
    if (member === undefined) continue;
    if (definition.isAttribute)
      attributes += ` ${definition.name}="${escapeAttribute(typeof member === 'string' ? member : '')}"`;
    else for (const each of Array.isArray(member) ? member : [member]) content += memberXml(definition, each);
  }
  return content === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${content}</${name}>`;
}

function memberXml({ name, type }: ElementDefinition, value: unknown): string {
  // Checked to be well-formed XHTML when it was taken in.
  if (type === 'xhtml') return String(value);
  if (type === 'AnyResource') return `<${name}>${resourceXml(value)}</${name}>`;
  if (type in primitives) return `<${name} value="${escapeAttribute(String(value))}"/>`;
  return isObject(value) ? elementXml(name, value, type) : '';
}

/** Of text between tags. */
export function escapeText(text: string): string {
  return escaped(text, /[&<>\r]/g);
}

/** White space in an attribute is kept only as a reference. Source: XML 1.0, 3.3.3 "Attribute-Value Normalization". */
export function escapeAttribute(text: string): string {
  return escaped(text, /[&<>"\t\r\n]/g);
}

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\r': '&#13;',
  '\n': '&#10;',
};

function escaped(text: string, characters: RegExp): string {
  return text.replace(characters, (character) => references[character] ?? character);
}
