import type jsonata from 'jsonata';
import { createHash, randomUUID } from 'node:crypto';

const hashes = new Map([
  ['MD5', 'md5'],
  ['SHA-1', 'sha1'],
  ['SHA-256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA-512', 'sha512'],
]);

/**
 * Gives an expression the functions that Step Functions adds to JSONata, and takes away the one it removes (`$eval`).
 * Source: "Transforming data with JSONata in Step Functions", AWS Step Functions guide.
 */
export function addStepFunctionsFunctions(expression: jsonata.Expression): void {
  expression.assign('eval', undefined);
  expression.registerFunction('partition', partition, '<an:a>');
  expression.registerFunction('range', range, '<nnn:a>');
  expression.registerFunction('hash', hash, '<ss:s>');
  expression.registerFunction('random', random, '<n?:n>');
  expression.registerFunction('uuid', () => randomUUID(), '<:s>');
  expression.registerFunction('parse', parse, '<s:x>');
}

function partition(array: readonly unknown[] | undefined, size: number): unknown[][] | undefined {
  if (array === undefined) return undefined;
  if (!Number.isInteger(size) || size < 1) throw new RangeError('$partition needs a whole size of at least 1');
  const parts: unknown[][] = [];
  for (let start = 0; start < array.length; start += size) parts.push(array.slice(start, start + size));
  return parts;
}

function range(first: number, last: number, step: number): number[] {
  const length = Math.max(0, Math.floor((last - first) / step) + 1);
  if (!Number.isFinite(length) || length > 1000) throw new RangeError('$range gives at most 1000 values');
  return Array.from({ length }, (_, index) => first + index * step);
}

function hash(data: string | undefined, algorithm: string): string | undefined {
  if (data === undefined) return undefined;
  const name = hashes.get(algorithm);
  if (name === undefined) throw new RangeError(`$hash knows ${[...hashes.keys()].join(', ')}`);
  return createHash(name).update(data).digest('hex');
}

/** The same seed gives the same number; which number it is, is not the service's. */
function random(seed?: number): number {
  if (seed === undefined) return Math.random();
  return createHash('sha256').update(String(seed)).digest().readUInt32BE() / 2 ** 32;
}

function parse(text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}
