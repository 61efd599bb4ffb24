import { App } from 'aws-cdk-lib';
import { join } from 'node:path';
import { holdAgainstRules } from './acknowledged.ts';
import { EnvironmentStage } from './environment-stage.ts';
import { readEnvironments } from './read-environments.ts';

try {
  const environments = await readEnvironments(join(import.meta.dirname, 'environments'));
  const app = new App();
  holdAgainstRules(app);
  for (const environment of environments) new EnvironmentStage(app, environment.name, { environment });
  app.synth();
} catch (error) {
  // What is wrong in one sentence, and no stack of calls that hides it.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
