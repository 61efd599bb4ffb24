import { join } from 'node:path';
import { readDeployment } from '../../local/assembly/deployment.ts';
import { synthesize } from '../../local/assembly/synthesize.ts';
import type { States } from './definition-shape.ts';

export const root = join(import.meta.dirname, '../..');

/** The resolved definitions of the local environment. */
export async function readDefinitions(): Promise<{ readonly refresh: States; readonly drain: States }> {
  const { directory } = await synthesize(root);
  const { stateMachine, drainStateMachine } = await readDeployment(directory);
  return { refresh: stateMachine.definition as States, drain: drainStateMachine.definition as States };
}
