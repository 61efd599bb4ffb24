import { App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks } from 'cdk-nag';
import { join } from 'node:path';
import { EnvironmentStage } from '../../infra/environment-stage.ts';
import { readEnvironments } from '../../infra/read-environments.ts';

// The app as it is deployed, but for the bundles of its functions; where it is asked to, with a bucket that nobody has thought about.
const app = new App({ postCliContext: { 'aws:cdk:bundling-stacks': [] } });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app), new ServerlessChecks(app));
for (const environment of await readEnvironments(join(import.meta.dirname, '../../infra/environments'))) {
  new EnvironmentStage(app, environment.name, { environment });
}
if (process.env.CARELESS === 'yes') new Bucket(new Stack(app, 'careless'), 'Bucket');
app.synth();
