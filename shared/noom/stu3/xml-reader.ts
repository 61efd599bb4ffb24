import { SaxesParser, type SaxesTagNS } from 'saxes';
import { elementsOf, isResourceType, type ElementDefinition } from './definitions.ts';
import { primitives } from './primitives.ts';
import { nameable, type StructureFault } from './structure.ts';
import { escapeAttribute, escapeText, fhirNamespace, xhtmlNamespace } from './xml-writer.ts';

/** Why a text is no FHIR XML: not well formed, or what stands in it is not what FHIR has. */
export class XmlFault extends Error {
  override readonly name = 'XmlFault';
  /** Where a well-formed text breaks FHIR; undefined where it is not well formed. */
  readonly fault: StructureFault | undefined;

  constructor(message: string, fault?: StructureFault) {
    super(message);
    this.fault = fault;
  }
}

/** Deeper than any resource here, narrative included. */
const deepest = 60;

/** An element that is open, and what has been read of it. */
interface Open {
  readonly path: string;
  /** FHIR type, or `AnyResource` where the next element names the resource. */
  readonly type: string;
  readonly value: Record<string, unknown>;
  /** The element's own name; that of its parent's list it goes to. */
  readonly definition: ElementDefinition | undefined;
  /** Lists of the value that have been begun. */
  readonly lists: Map<string, unknown[]>;
  /** How far through its type's elements, for they come in their order. */
  place: number;
  /** Of a primitive: what `value` says. */
  primitive?: string | undefined;
}

/**
 * Reads FHIR XML as the JSON that says the same. Nothing beyond the text is ever read: a document type is refused, and with
 * it every entity that is not XML's own.
 *
 * @throws XmlFault
 */
export function readXml(text: string): unknown {
  const parser = new SaxesParser({ xmlns: true });
  const reading = new Reading();
  // What is thrown here leaves `write` at once.
  parser.on('error', () => {
    throw new XmlFault('the XML is not well formed');
  });
  parser.on('doctype', () => {
    throw new XmlFault('a document type is not allowed in FHIR XML');
  });
  parser.on('processinginstruction', () => {
    throw new XmlFault('a processing instruction is not allowed in FHIR XML');
  });
  parser.on('cdata', (data) => {
    reading.text(data);
  });
  parser.on('text', (data) => {
    reading.text(data);
  });
  parser.on('opentag', (tag) => {
    reading.open(tag);
  });
  parser.on('closetag', (tag) => {
    reading.close(tag);
  });
  parser.write(text).close();
  return reading.resource;
}

class Reading {
  resource: unknown;
  readonly #stack: Open[] = [];
  /** The narrative that is being read, as text, and how many of its elements are open. */
  #xhtml = '';
  #xhtmlDepth = 0;
  #depth = 0;

  open(tag: SaxesTagNS): void {
    this.#depth += 1;
    if (this.#depth > deepest) throw new XmlFault('the XML is nested too deeply');
    if (this.#xhtmlDepth > 0) {
      this.#openXhtml(tag);
      return;
    }
    const parent = this.#stack.at(-1);
    const { local, uri } = tag;
    if (!parent) {
      this.#requireFhir(local, uri, local);
      this.#openResource(local, local, tag);
      return;
    }
    if (parent.type === 'AnyResource') {
      this.#requireFhir(local, uri, parent.path);
      this.#openResource(local, parent.path, tag);
      return;
    }
    const definition = elementsOf(parent.type).get(local);
    const path = `${parent.path}.${nameable(local)}`;
    if (!definition || definition.isAttribute) throw faultAt(path, 'is not a known element');
    const { place } = definition;
    if (place < parent.place) throw faultAt(path, 'is out of the order that FHIR XML has');
    if (place === parent.place && parent.value[local] !== undefined && !definition.isList) {
      throw faultAt(path, 'may stand only once');
    }
    parent.place = place;
    if (definition.type === 'xhtml') {
      if (uri !== xhtmlNamespace || local !== 'div') throw faultAt(path, 'must be in the namespace of XHTML');
      this.#stack.push({ path, type: 'xhtml', value: {}, definition, lists: new Map(), place: 0 });
      this.#openXhtml(tag);
      return;
    }
    this.#requireFhir(local, uri, path);
    const opened: Open = { path, type: definition.type, value: {}, definition, lists: new Map(), place: -1 };
    this.#readAttributes(tag, opened);
    this.#stack.push(opened);
  }

  text(data: string): void {
    if (this.#xhtmlDepth > 0) this.#xhtml += escapeText(data);
    else if (/\S/.test(data)) throw faultAt(this.#stack.at(-1)?.path ?? 'the body', 'must not hold text');
  }

  close(tag: SaxesTagNS): void {
    this.#depth -= 1;
    if (this.#xhtmlDepth > 0) {
      this.#xhtmlDepth -= 1;
      if (!tag.isSelfClosing) this.#xhtml += `</${tag.name}>`;
      if (this.#xhtmlDepth > 0) return;
    }
    const closed = this.#stack.pop();
    if (!closed) return;
    const value = this.#valueOf(closed);
    const parent = this.#stack.at(-1);
    if (!parent) this.resource = value;
    else if (!closed.definition) Object.assign(parent.value, { resource: value });
    else {
      const { name, isList } = closed.definition;
      const kept = closed.type === 'AnyResource' ? closed.value.resource : value;
      const list = parent.lists.get(name);
      if (list) list.push(kept);
      else if (isList) {
        const begun = [kept];
        parent.lists.set(name, begun);
        parent.value[name] = begun;
      } else parent.value[name] = kept;
    }
  }

  #openResource(type: string, path: string, tag: SaxesTagNS): void {
    if (!isResourceType(type)) throw faultAt(path === type ? 'the root element' : path, 'is not a type served here');
    const opened: Open = {
      path,
      type,
      value: { resourceType: type },
      definition: undefined,
      lists: new Map(),
      place: -1,
    };
    this.#readAttributes(tag, opened);
    this.#stack.push(opened);
  }

  #openXhtml(tag: SaxesTagNS): void {
    this.#xhtmlDepth += 1;
    if (this.#xhtmlDepth === 1) this.#xhtml = '';
    const attributes = Object.values(tag.attributes).map(({ name, value }) => ` ${name}="${escapeAttribute(value)}"`);
    this.#xhtml += `<${tag.name}${attributes.join('')}${tag.isSelfClosing ? '/' : ''}>`;
  }

  #readAttributes(tag: SaxesTagNS, opened: Open): void {
    const { path, type, value } = opened;
    for (const { name, value: attribute, prefix, uri } of Object.values(tag.attributes)) {
      if (prefix === 'xmlns' || name === 'xmlns' || uri === 'http://www.w3.org/2001/XMLSchema-instance') continue;
      if (name === 'value' && type in primitives) opened.primitive = attribute;
      else if (elementsOf(type).get(name)?.isAttribute === true) value[name] = attribute;
      else throw faultAt(`${path}.${nameable(name)}`, 'is not a known attribute');
    }
  }

  #valueOf({ type, value, path, primitive }: Open): unknown {
    if (type === 'xhtml') return this.#xhtml;
    const form = primitives[type];
    if (!form) return value;
    if (primitive === undefined) throw faultAt(path, 'has no value');
    if (form.json === 'string') return primitive;
    if (!form.form.test(primitive)) throw faultAt(path, `must be of the type ${type}`);
    return form.json === 'boolean' ? primitive === 'true' : Number(primitive);
  }

  #requireFhir(local: string, uri: string, path: string): void {
    if (uri !== fhirNamespace) {
      throw faultAt(path === local ? 'the root element' : path, `must be in the namespace ${fhirNamespace}`);
    }
  }
}

function faultAt(path: string, problem: string): XmlFault {
  return new XmlFault(`${path} ${problem}`, { path, problem });
}
