import { App } from 'aws-cdk-lib';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { holdAgainstRules } from '../../infra/acknowledged.ts';
import { EnvironmentStage } from '../../infra/environment-stage.ts';
import { dev } from '../support/environments/dev.ts';
import { defineEnvironment } from '../../infra/environments/environment.ts';

const consentBaseUrl = 'https://healthlake.eu-west-2.amazonaws.com/datastore/consents/r4/';
const noom = { ...dev.noom, enabled: true };
const environments = [
  { ...dev, noom: { ...noom, ratePerSecond: 7, burst: 9 } },
  {
    ...dev,
    name: 'tokens',
    noom: {
      ...noom,
      baseUrl: 'https://noom.trust.nhs.uk',
      isGatewayUrlClosed: true,
      auth: { kind: 'jwt' as const, issuer: 'https://login.trust.nhs.uk', audience: ['noom'], scopes: ['noom/call'] },
    },
  },
  { ...dev, name: 'apart', noom, fhir: { ...dev.fhir, consentBaseUrl, patientReference: 'logical' as const } },
].map(defineEnvironment);
// As the CDK's command gives it, since what cdk-nag finds goes by it.
const { context } = JSON.parse(readFileSync(join(import.meta.dirname, '../../cdk.json'), 'utf8')) as {
  context: Record<string, unknown>;
};
// Its templates are wanted, and no bundle of a function.
const app = new App({ context: { ...context, 'aws:cdk:bundling-stacks': [] } });
holdAgainstRules(app);
for (const environment of environments) new EnvironmentStage(app, environment.name, { environment });
app.synth();
