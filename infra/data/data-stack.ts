import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { AttributeType, Billing, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { ledgerKeys } from '../../shared/contract.ts';

const keptDays: readonly { prefix: string; days: number; noncurrentDays?: number }[] = [
  { prefix: 'cohorts/', days: 30 },
  // Whole Patients: long enough for a resume, no longer.
  { prefix: 'exports/', days: 3, noncurrentDays: 1 },
  // Whole Consents, with what HealthLake says of each.
  { prefix: 'imports/', days: 3, noncurrentDays: 1 },
  { prefix: 'runs/', days: 90 },
  { prefix: 'inbox/', days: 90 },
  { prefix: 'snapshots/', days: 400 },
];

/** Everything that must outlive a deployment: the runs' files, the ledger, the secrets, the operators' topic. */
export class DataStack extends Stack {
  readonly key: Key;
  readonly bucket: Bucket;
  readonly ledger: TableV2;
  readonly meshSecret: Secret;
  readonly idKey: Secret;
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    this.key = new Key(this, 'Key', {
      description: 'Encrypts what the NDOP consent pipeline keeps',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.bucket = new Bucket(this, 'Files', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      versioned: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        // These hold NHS numbers: none is kept once nobody can ask for its evidence. A snapshot is what the next run
        // compares with, so it must outlast any pause between runs.
        ...keptDays.map(({ prefix, days, noncurrentDays = 7 }) => ({
          prefix,
          expiration: Duration.days(days),
          noncurrentVersionExpiration: Duration.days(noncurrentDays),
        })),
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
    this.ledger = new TableV2(this, 'Ledger', {
      partitionKey: { name: ledgerKeys.partition, type: AttributeType.STRING },
      sortKey: { name: ledgerKeys.sort, type: AttributeType.STRING },
      timeToLiveAttribute: ledgerKeys.expiry,
      billing: Billing.onDemand(),
      encryption: TableEncryptionV2.customerManagedKey(this.key),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.meshSecret = new Secret(this, 'MeshSecret', {
      description: 'MESH password, sharedKey, clientCertificate, clientKey and caBundle as one JSON object',
      encryptionKey: this.key,
      removalPolicy: RemovalPolicy.RETAIN,
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
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.topic = new Topic(this, 'Operators', { masterKey: this.key, enforceSSL: true });
    this.topic.applyRemovalPolicy(RemovalPolicy.RETAIN);
  }
}
