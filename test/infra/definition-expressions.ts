import jsonata from 'jsonata';

/** What an expression refers to: variables, functions that it calls, and functions that it takes for values. */
export interface References {
  /** Read for certain; those that are only looked at where `$exists` says so, apart. */
  readonly variables: readonly string[];
  readonly guarded: readonly string[];
  readonly called: readonly string[];
  /** Names of fields, in paths and in objects that are made. */
  readonly fields: readonly string[];
}

interface Node {
  readonly type?: string;
  readonly value?: unknown;
  readonly procedure?: Node;
  readonly arguments?: readonly Node[];
  readonly condition?: Node;
  readonly then?: Node;
  readonly else?: Node;
  readonly lhs?: unknown;
}

/** Every expression in a piece of a definition. */
export function expressionsIn(template: unknown): string[] {
  if (typeof template === 'string') return /^\{%.*%\}$/s.test(template) ? [template.slice(2, -2).trim()] : [];
  if (typeof template !== 'object' || template === null) return [];
  return Object.values(template).flatMap(expressionsIn);
}

export function referencesOf(expression: string): References {
  const found = { variables: [] as string[], guarded: [] as string[], called: [] as string[], fields: [] as string[] };
  walk(jsonata(expression).ast(), new Set(), found);
  return found;
}

/** The variable of which a condition says that it exists, where it says nothing else. */
export function existsIn(condition: unknown): string[] {
  const [expression] = expressionsIn(condition);
  return expression === undefined ? [] : existing(jsonata(expression).ast());
}

function existing(node: Node): string[] {
  if (node.type !== 'function' || node.procedure?.value !== 'exists') return [];
  const [argument] = node.arguments ?? [];
  return argument?.type === 'variable' ? [String(argument.value)] : [];
}

function walk(node: unknown, known: ReadonlySet<string>, found: Record<keyof References, string[]>): void {
  if (typeof node !== 'object' || node === null) return;
  if (Array.isArray(node)) {
    for (const member of node) walk(member, known, found);
    return;
  }
  const { type, value, procedure, ...others } = node as Node;
  const looked = existing(node);
  if (looked.length > 0) {
    found.guarded.push(...looked);
    found.called.push('exists');
    return;
  }
  if (type === 'variable' && typeof value === 'string' && value !== '' && value !== '$' && value !== 'states') {
    (known.has(value) ? found.guarded : found.variables).push(value);
  }
  if (type === 'name' && typeof value === 'string') found.fields.push(value);
  if (type === 'unary' && value === '{') found.fields.push(...madeFields(others.lhs));
  if (procedure?.type === 'variable') found.called.push(String(procedure.value));
  else walk(procedure, known, found);
  if (type === 'condition') {
    walk(others.condition, known, found);
    walk(others.then, new Set([...known, ...(others.condition ? existing(others.condition) : [])]), found);
    walk(others.else, known, found);
    return;
  }
  for (const member of Object.values(others)) walk(member, known, found);
}

function madeFields(pairs: unknown): string[] {
  return (pairs as readonly (readonly [Node, Node])[]).map(([key]) => String(key.value));
}

/** Whether JSONata itself, or Step Functions, has a function of the name: a variable that is not assigned would be that function. */
export async function isFunction(name: string): Promise<boolean> {
  if (['partition', 'range', 'hash', 'random', 'uuid', 'parse'].includes(name)) return true;
  return (await jsonata(`$${name}`).evaluate({})) !== undefined;
}
