import { App } from 'aws-cdk-lib';
import { EnvironmentStage } from './environment-stage.ts';
import { dev } from './environments/dev.ts';
import { integration } from './environments/int.ts';
import { local } from './environments/local.ts';
import { prod } from './environments/prod.ts';

const app = new App();
for (const environment of [local, dev, integration, prod]) {
  new EnvironmentStage(app, environment.name, { environment });
}
app.synth();
