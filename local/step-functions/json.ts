/** What may pass between states: JSON and nothing else. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** A value that has no JSON form: nothing at all, a function, or a number without end. */
class NotJson extends Error {
  override readonly name = 'NotJson';
}

/**
 * Copies a value as plain JSON. JSONata marks the arrays it builds with extra properties and leaves functions about;
 * neither may travel on.
 *
 * @throws NotJson
 */
export function toJson(value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new NotJson('a number without end');
    return value;
  }
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object') {
    if ('_jsonata_lambda' in value || '_jsonata_function' in value) throw new NotJson('a function');
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.map(([key, member]) => [key, toJson(member)]));
  }
  throw new NotJson(value === undefined ? 'nothing (undefined)' : `a ${typeof value}`);
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
