import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, Billing, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  CfnBucket,
  ObjectOwnership,
  type BucketProps,
} from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { ledgerKeys } from '../../shared/contract.ts';
import type { Environment } from '../environments/environment.ts';
import { statusChangesRule } from '../ops/status-changes.ts';
import { fhirDatastores, type FhirDatastores } from './fhir-datastores.ts';

/** How long S3 keeps what was overwritten or deleted. */
const undoDays = 7;

/** Whatever happens to the stack, these stay; but what a failed creation has made goes with it, so that it can be tried again. */
const retained = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;

const closed = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  versioned: true,
  removalPolicy: retained,
} satisfies BucketProps;

/** For all that a bucket holds, also where no rule of its own names it. */
const tidy = {
  noncurrentVersionExpiration: Duration.days(undoDays),
  expiredObjectDeleteMarker: true,
  abortIncompleteMultipartUploadAfter: Duration.days(1),
};

export interface DataStackProps {
  readonly environment: Environment;
}

/** Everything that must outlive a deployment: the runs' files, the ledger, the secrets, the operators' topic, a FHIR store that is made here. */
export class DataStack extends Stack {
  readonly key: Key;
  readonly bucket: Bucket;
  readonly ledger: TableV2;
  readonly meshSecret: Secret;
  readonly idKey: Secret;
  readonly topic: Topic;
  readonly stores: FhirDatastores;

  constructor(scope: Construct, id: string, { environment }: DataStackProps) {
    super(scope, id, { terminationProtection: environment.name !== 'local' });
    this.key = this.#key(environment);
    this.bucket = this.#bucket(environment);
    this.ledger = new TableV2(this, 'Ledger', {
      partitionKey: { name: ledgerKeys.partition, type: AttributeType.STRING },
      sortKey: { name: ledgerKeys.sort, type: AttributeType.STRING },
      timeToLiveAttribute: ledgerKeys.expiry,
      // Far above what a run needs, and an end to what a fault could cost.
      billing: Billing.onDemand({ maxReadRequestUnits: 4_000, maxWriteRequestUnits: 2_000 }),
      encryption: TableEncryptionV2.customerManagedKey(this.key),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: retained,
    });
    this.meshSecret = new Secret(this, 'MeshSecret', {
      description: 'MESH password, sharedKey, clientCertificate, clientKey and caBundle as one JSON object',
      encryptionKey: this.key,
      removalPolicy: retained,
    });
    this.idKey = new Secret(this, 'IdKey', {
      description: 'Key of the Consent ids: 64 hexadecimal digits, never changed in place',
      encryptionKey: this.key,
      // Hexadecimal digits alone: everything else that the generator knows is left out.
      generateSecretString: {
        passwordLength: 64,
        excludeUppercase: true,
        excludePunctuation: true,
        excludeCharacters: 'ghijklmnopqrstuvwxyz',
        requireEachIncludedType: false,
      },
      removalPolicy: retained,
    });
    this.topic = this.#topic(environment);
    this.stores = fhirDatastores(this, environment, this.key);
  }

  /** Its own policy names the services that use it for us; whoever else may, may by the rights of its role. */
  #key({ name }: Environment): Key {
    const key = new Key(this, 'Key', {
      description: 'Encrypts what the NDOP consent pipeline keeps',
      enableKeyRotation: true,
      removalPolicy: retained,
    });
    const logGroup = (names: string) =>
      this.formatArn({
        service: 'logs',
        resource: 'log-group',
        resourceName: names,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      });
    // Source: Amazon CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS".
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'LogGroupsOfThisEnvironment',
        principals: [new ServicePrincipal(`logs.${this.region}.amazonaws.com`)],
        actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
        resources: ['*'],
        conditions: {
          ArnLike: {
            'kms:EncryptionContext:aws:logs:arn': [logGroup(`${name}-*`), logGroup(`/aws/vendedlogs/states/${name}-*`)],
          },
        },
      }),
    );
    // Source: AWS Step Functions Developer Guide, "Data at rest encryption": the log of a state machine that has a key.
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'LogsOfStateMachines',
        principals: [new ServicePrincipal('delivery.logs.amazonaws.com')],
        actions: ['kms:Decrypt'],
        resources: ['*'],
        conditions: {
          StringEquals: {
            'kms:EncryptionContext:SourceArn': this.formatArn({
              service: 'logs',
              resource: '*',
              arnFormat: ArnFormat.NO_RESOURCE_NAME,
            }),
          },
        },
      }),
    );
    // Source: Amazon SNS Developer Guide, "Enable compatibility between event sources from AWS services and encrypted topics".
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsToTheOperators',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    );
    // AWS documents no source that EventBridge names to a topic's key; but SNS always names the topic, so that the key is of use
    // for topics of this stack alone. To be verified at the first execution that fails: does the mail arrive?
    // Source: Amazon SNS Developer Guide, "Managing Amazon SNS encryption keys and costs".
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'EventsToTheOperators',
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: {
          ArnLike: {
            'kms:EncryptionContext:aws:sns:topicArn': this.formatArn({
              service: 'sns',
              resource: `${this.stackName}-*`,
            }),
          },
        },
      }),
    );
    return key;
  }

  #bucket({ keptDays }: Environment): Bucket {
    const { cohorts, exports, imports, runs, inbox, snapshots } = keptDays;
    const kept = (prefix: string, days: number, noncurrentDays = undoDays) => ({
      prefix,
      expiration: Duration.days(days),
      noncurrentVersionExpiration: Duration.days(noncurrentDays),
    });
    const bucket = new Bucket(this, 'Files', {
      ...closed,
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      // These hold NHS numbers: none is kept once nobody can ask for its evidence.
      lifecycleRules: [
        kept('cohorts/', cohorts),
        kept('exports/', exports, 1),
        kept('imports/', imports, 1),
        kept('runs/', runs),
        kept('inbox/', inbox),
        kept('snapshots/', snapshots),
        tidy,
      ],
    });
    this.#logAccess(bucket, keptDays.accessLogs);
    return bucket;
  }

  /** Who read and wrote the files, in a bucket of its own. */
  #logAccess(bucket: Bucket, days: number): void {
    const accessLogs = new Bucket(this, 'AccessLogs', {
      ...closed,
      // S3 delivers access logs to no bucket that is encrypted with a key of ours.
      encryption: BucketEncryption.S3_MANAGED,
      lifecycleRules: [{ ...tidy, expiration: Duration.days(days), expiredObjectDeleteMarker: false }],
    });
    // Source: Amazon S3 User Guide, "Enabling Amazon S3 server access logging".
    accessLogs.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AccessLogsOfTheFiles',
        principals: [new ServicePrincipal('logging.s3.amazonaws.com')],
        actions: ['s3:PutObject'],
        resources: [accessLogs.arnForObjects('files/*')],
        conditions: {
          ArnLike: { 'aws:SourceArn': bucket.bucketArn },
          StringEquals: { 'aws:SourceAccount': this.account },
        },
      }),
    );
    const { defaultChild } = bucket.node;
    if (!(defaultChild instanceof CfnBucket)) throw new Error('A bucket has lost its resource');
    defaultChild.loggingConfiguration = { destinationBucketName: accessLogs.bucketName, logFilePrefix: 'files/' };
  }

  #topic({ name, alarmEmail }: Environment): Topic {
    const topic = new Topic(this, 'Operators', { masterKey: this.key, enforceSSL: true });
    topic.applyRemovalPolicy(retained);
    // A topic with a policy of its own takes nothing from alarms unless that says so.
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsOfThisAccount',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    );
    // The rule is another stack's, so its ARN is made from its name. To be verified together with the key's statement above.
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'EventsOfExecutions',
        principals: [new ServicePrincipal('events.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': this.account },
          ArnEquals: {
            'aws:SourceArn': this.formatArn({
              service: 'events',
              resource: 'rule',
              resourceName: statusChangesRule(name),
            }),
          },
        },
      }),
    );
    if (alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(alarmEmail));
    return topic;
  }
}
