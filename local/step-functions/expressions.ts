import jsonata from 'jsonata';
import { addStepFunctionsFunctions } from './expression-functions.ts';
import { isJsonArray, isJsonObject, type Json, toJson } from './json.ts';

/** What an expression sees: `$states` and the variables in scope. */
export interface Bindings {
  readonly states: Json;
  readonly variables: Readonly<Record<string, Json>>;
}

/** An expression broke, gave nothing, or gave something that is not JSON. */
export class ExpressionFailed extends Error {
  override readonly name = 'ExpressionFailed';
  /** Path of the field in the state, e.g. `Output/parts`. */
  readonly location: string;

  constructor(location: string, message: string) {
    super(message);
    this.location = location;
  }
}

const compiled = new Map<string, jsonata.Expression>();

/** Only a string wrapped in `{%` and `%}` is an expression; everything else stands for itself. */
export function isExpression(text: string): boolean {
  return text.startsWith('{%') && text.endsWith('%}') && text.length >= 4;
}

/**
 * Compiles every expression in a piece of a definition, so that a broken one is found before anything runs.
 *
 * @throws ExpressionFailed
 */
export function compileAll(template: Json, location: string): void {
  if (typeof template === 'string') {
    if (isExpression(template)) compile(template, location);
  } else if (isJsonArray(template)) {
    template.forEach((element, index) => {
      compileAll(element, `${location}/${index}`);
    });
  } else if (isJsonObject(template)) {
    for (const [key, member] of Object.entries(template)) compileAll(member, `${location}/${key}`);
  }
}

/**
 * Replaces every expression in a template by its value.
 *
 * @throws ExpressionFailed
 */
export async function evaluate(template: Json, bindings: Bindings, location: string): Promise<Json> {
  if (typeof template === 'string') {
    return isExpression(template) ? evaluateExpression(template, bindings, location) : template;
  }
  if (isJsonObject(template)) {
    const members: [string, Json][] = [];
    for (const [key, member] of Object.entries(template)) {
      members.push([key, await evaluate(member, bindings, `${location}/${key}`)]);
    }
    return Object.fromEntries(members);
  }
  if (isJsonArray(template)) {
    const elements: Json[] = [];
    for (const [index, element] of template.entries()) {
      elements.push(await evaluate(element, bindings, `${location}/${index}`));
    }
    return elements;
  }
  return template;
}

async function evaluateExpression(text: string, { states, variables }: Bindings, location: string): Promise<Json> {
  const expression = compile(text, location);
  const subject = `The JSONata expression '${inner(text)}' specified for the field '${location}'`;
  let value: unknown;
  try {
    value = await expression.evaluate(undefined, { ...variables, states });
  } catch (error) {
    throw new ExpressionFailed(location, `${subject} threw an error during evaluation. ${describe(error)}`);
  }
  try {
    return toJson(value);
  } catch (error) {
    throw new ExpressionFailed(location, `${subject} returned ${describe(error)}.`);
  }
}

function compile(text: string, location: string): jsonata.Expression {
  const known = compiled.get(text);
  if (known) return known;
  try {
    const expression = jsonata(inner(text));
    addStepFunctionsFunctions(expression);
    compiled.set(text, expression);
    return expression;
  } catch (error) {
    throw new ExpressionFailed(
      location,
      `The JSONata expression '${inner(text)}' specified for the field '${location}' cannot be parsed. ${describe(error)}`,
    );
  }
}

function inner(text: string): string {
  return text.slice(2, -2).trim();
}

/** JSONata throws plain objects with a code and a message. */
function describe(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  const code = 'code' in error ? `${String(error.code)}: ` : '';
  return `${code}${String(error.message)}`;
}
