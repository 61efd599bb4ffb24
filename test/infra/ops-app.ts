import { App } from 'aws-cdk-lib';
import { EnvironmentStage } from '../../infra/environment-stage.ts';
import { dev } from '../support/environments/dev.ts';

const drain = { ...dev.drain, enabled: true };
const schedule = { ...dev.schedule, enabled: true };
const noom = { ...dev.noom, enabled: true };
// Its templates are wanted, and no bundle of a function.
const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
for (const environment of [
  dev,
  { ...dev, name: 'drained', drain },
  { ...dev, name: 'live', drain, schedule },
  { ...dev, name: 'api', noom },
]) {
  new EnvironmentStage(app, environment.name, { environment });
}
app.synth();
