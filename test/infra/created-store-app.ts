import { App } from 'aws-cdk-lib';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { holdAgainstRules } from '../../infra/acknowledged.ts';
import { EnvironmentStage } from '../../infra/environment-stage.ts';
import { defaults } from '../../infra/environments/defaults.ts';
import { dev } from '../support/environments/dev.ts';
import { defineEnvironment } from '../../infra/environments/environment.ts';

const { namespace, odsCode } = dev.fhir;
const environment = defineEnvironment({
  ...dev,
  fhir: { ...defaults.fhir, namespace, odsCode, createStore: { name: 'ndop-dev' } },
});
// As the CDK's command gives it, since what cdk-nag finds goes by it.
const { context } = JSON.parse(readFileSync(join(import.meta.dirname, '../../cdk.json'), 'utf8')) as {
  context: Record<string, unknown>;
};
// Its templates are wanted, and no bundle of a function.
const app = new App({ context: { ...context, 'aws:cdk:bundling-stacks': [] } });
holdAgainstRules(app);
new EnvironmentStage(app, environment.name, { environment });
app.synth();
