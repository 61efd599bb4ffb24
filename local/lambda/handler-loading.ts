import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RuntimeFailure } from './function-errors.ts';

export type Handler = (event: unknown, context: object) => unknown;

/**
 * Imports the handler of a function, e.g. `index.handler`, from `index.mjs` or `index.js`.
 *
 * @throws RuntimeFailure with the runtime's names; an error of the module itself is thrown on as it is
 */
export async function loadHandler(codeDirectory: string, name: string): Promise<Handler> {
  const [, file, exportName] = /^([^.]+)\.([^.]+)$/.exec(name) ?? [];
  if (file === undefined || exportName === undefined) {
    throw new RuntimeFailure('Runtime.MalformedHandlerName', `Bad handler: ${name}`);
  }
  const module = await importModule(codeDirectory, file);
  const handler: unknown = typeof module === 'object' && module !== null ? Reflect.get(module, exportName) : undefined;
  if (handler === undefined) {
    throw new RuntimeFailure('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  }
  if (!isHandler(handler)) throw new RuntimeFailure('Runtime.HandlerNotFound', `${name} is not a function`);
  if (handler.length > 2) {
    throw new RuntimeFailure(
      'Runtime.CallbackHandlerDeprecated',
      'Node.js 24 on Lambda has no callback-based handlers: the handler must take at most (event, context)',
    );
  }
  return handler;
}

async function importModule(codeDirectory: string, file: string): Promise<unknown> {
  const path = ['mjs', 'js'].map((ending) => join(codeDirectory, `${file}.${ending}`)).find(existsSync);
  if (path === undefined) throw new RuntimeFailure('Runtime.ImportModuleError', `Error: Cannot find module '${file}'`);
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RuntimeFailure('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`, { cause: error });
    }
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') {
      throw new RuntimeFailure('Runtime.ImportModuleError', `Error: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function isHandler(value: unknown): value is Handler {
  return typeof value === 'function';
}
