import { RemovalPolicy, type Stack } from 'aws-cdk-lib';
import { CfnFHIRDatastore } from 'aws-cdk-lib/aws-healthlake';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Environment } from '../environments/environment.ts';

/** What the steps need of a HealthLake data store. */
export interface FhirDatastore {
  readonly baseUrl: string;
  readonly arn: string;
  /** Of a store made here: whoever calls it needs rights on the key that it is encrypted with. */
  readonly keyArn?: string;
}

export interface FhirDatastores {
  readonly patients: FhirDatastore;
  /** Where the Consents live: beside the Patients unless a store of their own is named. */
  readonly consents: FhirDatastore;
}

/** The data stores that an environment names, or the one that it has made. */
export function fhirDatastores(stack: Stack, { fhir }: Environment, key: Key): FhirDatastores {
  const { baseUrl, createStore, consentBaseUrl } = fhir;
  const patients = createStore
    ? createdDatastore(stack, createStore.name, key)
    : existingDatastore(stack, baseUrl ?? '');
  return { patients, consents: consentBaseUrl === undefined ? patients : existingDatastore(stack, consentBaseUrl) };
}

function existingDatastore(stack: Stack, baseUrl: string): FhirDatastore {
  return { baseUrl, arn: arnOf(stack, /\/datastore\/([^/]+)\//.exec(baseUrl)?.[1] ?? 'local') };
}

/**
 * Whatever happens to the stack, the store stays: a change of its name or its key makes another, and leaves this one.
 * Also after a failed creation: CloudFormation may not delete stores, and would stop there.
 */
function createdDatastore(stack: Stack, name: string, key: Key): FhirDatastore {
  const store = new CfnFHIRDatastore(stack, 'FhirStore', {
    datastoreName: name,
    datastoreTypeVersion: 'R4',
    identityProviderConfiguration: { authorizationStrategy: 'AWS_AUTH' },
    sseConfiguration: { kmsEncryptionConfig: { cmkType: 'CUSTOMER_MANAGED_KMS_KEY', kmsKeyId: key.keyArn } },
  });
  store.applyRemovalPolicy(RemovalPolicy.RETAIN, { applyToUpdateReplacePolicy: true });
  return { baseUrl: store.attrDatastoreEndpoint, arn: arnOf(stack, store.attrDatastoreId), keyArn: key.keyArn };
}

/** Built from account and id, since samples print the ARN in two forms. */
function arnOf({ account, region }: Stack, datastoreId: string): string {
  return `arn:aws:healthlake:${region}:${account}:datastore/fhir/${datastoreId}`;
}
