import { PolicyStatement, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { DataStack } from '../data/data-stack.ts';
import type { FhirDatastore } from '../data/fhir-datastores.ts';

type LedgerAction = 'DeleteItem' | 'GetItem' | 'PutItem' | 'Query' | 'UpdateItem';

/**
 * What steps may do with what the data stack keeps: single actions, on files below single prefixes, and the key only
 * through the service that uses it. The CDK's own grants allow more than any step needs. `npm run least-privilege` shows
 * which of these a run uses.
 */
export class Rights {
  readonly #data: DataStack;
  readonly #region: string;

  constructor(data: DataStack, region: string) {
    this.#data = data;
    this.#region = region;
  }

  ledger(step: IGrantable, ...actions: readonly LedgerAction[]): void {
    allow(
      step,
      actions.map((action) => `dynamodb:${action}`),
      [this.#data.ledger.tableArn],
    );
    this.#key(step, 'dynamodb', ['kms:Decrypt']);
  }

  read(step: IGrantable, ...prefixes: readonly string[]): void {
    allow(step, ['s3:GetObject'], this.#objects(prefixes));
    this.#key(step, 's3', ['kms:Decrypt']);
  }

  /** S3 tells those who may not list only that they may not read a file, also where it is missing. */
  seeMissing(step: IGrantable): void {
    allow(step, ['s3:ListBucket'], [this.#data.bucket.bucketArn]);
  }

  list(step: IGrantable, prefix: string): void {
    allow(step, ['s3:ListBucket'], [this.#data.bucket.bucketArn], { StringLike: { 's3:prefix': prefix } });
  }

  /** Files are written once: whoever finds one there already compares it with its own. */
  write(step: IGrantable, ...prefixes: readonly string[]): void {
    allow(step, ['s3:GetObject', 's3:PutObject'], this.#objects(prefixes));
    this.#key(step, 's3', ['kms:Decrypt', 'kms:GenerateDataKey']);
  }

  /** Files of any length are written in pieces, which are given up where that fails. */
  writeLong(step: IGrantable, ...prefixes: readonly string[]): void {
    this.write(step, ...prefixes);
    allow(step, ['s3:AbortMultipartUpload'], this.#objects(prefixes));
  }

  secret(step: IGrantable, { secretArn }: Secret): void {
    allow(step, ['secretsmanager:GetSecretValue'], [secretArn]);
    this.#key(step, 'secretsmanager', ['kms:Decrypt']);
  }

  notify(step: IGrantable): void {
    allow(step, ['sns:Publish'], [this.#data.topic.topicArn]);
    this.#key(step, 'sns', ['kms:Decrypt', 'kms:GenerateDataKey']);
  }

  /**
   * A store that is encrypted with our key asks it as whoever calls.
   * Source: AWS HealthLake Developer Guide, "Encryption at rest".
   */
  store(step: IGrantable, { arn, keyArn }: FhirDatastore, actions: readonly string[]): void {
    allow(
      step,
      actions.map((action) => `healthlake:${action}`),
      [arn],
    );
    if (keyArn === undefined) return;
    this.#key(step, 'healthlake', ['kms:Decrypt', 'kms:GenerateDataKey', 'kms:DescribeKey'], keyArn);
  }

  #objects(prefixes: readonly string[]): string[] {
    return prefixes.map((prefix) => this.#data.bucket.arnForObjects(prefix));
  }

  #key(step: IGrantable, service: string, actions: readonly string[], keyArn = this.#data.key.keyArn): void {
    allow(step, actions, [keyArn], {
      StringEquals: { 'kms:ViaService': `${service}.${this.#region}.amazonaws.com` },
    });
  }
}

function allow(
  step: IGrantable,
  actions: readonly string[],
  resources: readonly string[],
  conditions: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): void {
  step.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({ actions: [...actions], resources: [...resources], conditions }),
  );
}
