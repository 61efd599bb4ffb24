import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ts from 'typescript';

/**
 * FHIR STU3 as DefinitelyTyped has it (`@types/fhir`), which nobody here has written: its declarations, read as data, so
 * that what is sent and what is answered can be held against them.
 */

export interface Member {
  readonly type: string;
  readonly isList: boolean;
  readonly isRequired: boolean;
}

const file = createRequire(import.meta.url).resolve('@types/fhir/index.d.ts');
const interfaces = new Map<string, { readonly parent: string | undefined; readonly members: Map<string, Member> }>();
/** What a name stands for: a primitive of TypeScript, another name, or the codes that it may be. */
const aliases = new Map<string, readonly string[]>();

function read(node: ts.Node): void {
  if (ts.isInterfaceDeclaration(node)) {
    const members = new Map<string, Member>();
    for (const member of node.members) {
      if (!ts.isPropertySignature(member) || !member.type) continue;
      const isList = ts.isArrayTypeNode(member.type);
      const type = (ts.isArrayTypeNode(member.type) ? member.type.elementType : member.type).getText();
      members.set(member.name.getText(), { type, isList, isRequired: !member.questionToken });
    }
    interfaces.set(node.name.text, { parent: node.heritageClauses?.[0]?.types[0]?.getText(), members });
  } else if (ts.isTypeAliasDeclaration(node)) {
    const names = ts.isUnionTypeNode(node.type) ? node.type.types : [node.type];
    aliases.set(
      node.name.text,
      names.map((name) => name.getText()),
    );
  } else ts.forEachChild(node, read);
}
read(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true));

/** All elements of a type, inherited ones first. */
export function membersOf(type: string): ReadonlyMap<string, Member> {
  const found = interfaces.get(type);
  if (!found) return new Map();
  return new Map([...(found.parent === undefined ? [] : membersOf(found.parent)), ...found.members]);
}

/** What is wrong with a resource as STU3, each with its path; nothing where it is valid. */
export function faultsOf(resource: unknown): string[] {
  const { resourceType } = resource as { readonly resourceType?: string };
  if (resourceType === undefined || !interfaces.has(resourceType)) return ['it is no resource'];
  return valueFaults(resource, resourceType, resourceType);
}

function valueFaults(value: unknown, type: string, path: string): string[] {
  // A resource inside another is judged as what it says it is.
  if (type === 'Resource' && path.includes('.')) return faultsOf(value).map((fault) => `${path}: ${fault}`);
  if (interfaces.has(type)) return objectFaults(value, type, path);
  const forms = aliases.get(type) ?? [type];
  const isOne = forms.some((form) =>
    /^["']/.test(form) ? form.slice(1, -1) === value : aliases.has(form) || typeof value === form,
  );
  return isOne && value !== '' ? [] : [`${path}: is no ${type}`];
}

function objectFaults(value: unknown, type: string, path: string): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: is no object`];
  const members = membersOf(type);
  const given = Object.entries(value);
  if (given.length === 0) return [`${path}: is empty`];
  const missing = [...members].filter(([name, { isRequired }]) => isRequired && !(name in value));
  return [
    ...missing.map(([name]) => `${path}.${name}: is missing`),
    ...given.flatMap(([name, member]) => {
      const known = members.get(name);
      if (!known) return [`${path}.${name}: is not known`];
      if (known.isList !== Array.isArray(member))
        return [`${path}.${name}: must ${known.isList ? '' : 'not '}be a list`];
      const items = Array.isArray(member) ? (member as unknown[]) : [member];
      if (items.length === 0) return [`${path}.${name}: is empty`];
      return items.flatMap((item, index) =>
        valueFaults(item, known.type, known.isList ? `${path}.${name}[${index}]` : `${path}.${name}`),
      );
    }),
  ];
}
