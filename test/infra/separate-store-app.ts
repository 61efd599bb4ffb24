import { App } from 'aws-cdk-lib';
import { EnvironmentStage } from '../../infra/environment-stage.ts';
import { dev } from '../support/environments/dev.ts';
import { defineEnvironment } from '../../infra/environments/environment.ts';

/** Data stores of the environment below, by their ids. */
const at = (id: string) => `https://healthlake.eu-west-2.amazonaws.com/datastore/${id}/r4/`;

const environment = defineEnvironment({
  ...dev,
  fhir: { ...dev.fhir, baseUrl: at('patients'), consentBaseUrl: at('consents'), patientReference: 'logical' },
});
// Its templates are wanted, and no bundle of a function.
const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
new EnvironmentStage(app, environment.name, { environment });
app.synth();
