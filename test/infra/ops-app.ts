import { App } from 'aws-cdk-lib';
import { EnvironmentStage } from '../../infra/environment-stage.ts';
import { dev } from '../../infra/environments/dev.ts';

const environment = { ...dev, drain: { ...dev.drain, enabled: process.env.DRAIN === 'on' } };
// Its templates are wanted, and no bundle of a function.
const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
new EnvironmentStage(app, environment.name, { environment });
app.synth();
