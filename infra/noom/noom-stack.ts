import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments/environment.ts';
import { Rights } from '../pipeline/rights.ts';
import { StepFunction } from '../pipeline/step-function.ts';
import { NoomApi } from './noom-api.ts';

export interface NoomStackProps {
  readonly environment: Environment;
  readonly data: DataStack;
}

/** The API of the National Opt-Out Model: a function over the FHIR store, and the HTTP API that calls it. */
export class NoomStack extends Stack {
  readonly answers: StepFunction;
  readonly api: NoomApi;

  constructor(scope: Construct, id: string, { environment, data }: NoomStackProps) {
    super(scope, id);
    const { name, region, cohort, fhir, keptDays, noom } = environment;
    const { patients, consents } = data.stores;
    const logs = { key: data.key, retention: keptDays.logs };
    this.answers = new StepFunction(this, 'noom', {
      // More than half a processor comes with so much memory: somebody waits for each answer.
      memorySize: 1_024,
      timeout: Duration.seconds(25),
      settings: {
        CONSENT_BASE_URL: consents.baseUrl,
        FHIR_BASE_URL: patients.baseUrl,
        FHIR_NAMESPACE: fhir.namespace,
        ID_KEY_SECRET: data.idKey.secretArn,
        LEDGER_TABLE: data.ledger.tableName,
        NHS_NUMBER_RANGES: cohort.nhsNumberRanges.join(','),
        PATIENT_REFERENCE: fhir.patientReference,
        ...(noom.baseUrl === undefined ? {} : { NOOM_BASE_URL: noom.baseUrl }),
      },
      logs,
    });
    const may = new Rights(data, region);
    // The mark of the key that Consent ids are made with.
    may.ledger(this.answers, 'PutItem');
    may.secret(this.answers, data.idKey);
    may.store(this.answers, consents, [
      'ProcessBundle',
      'ReadResource',
      'CreateResource',
      'UpdateResource',
      'VersionReadResource',
      'GetHistoryByResourceId',
    ]);
    // Whom a Consent names by Patient/<id> has to be found by the NHS number.
    if (fhir.patientReference === 'literal') may.store(this.answers, patients, ['SearchWithPost']);

    this.api = new NoomApi(this, 'Api', { name, noom, answers: this.answers.addAlias('live'), logs });
    new CfnOutput(this, 'Url', { value: noom.baseUrl ?? this.api.stage.url.replace(/\/$/, '') });
  }
}
