import { PolicyStatement, Role, ServicePrincipal, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';
import { passToHealthLake } from './export-role.ts';

export interface ImportRoleProps {
  readonly data: DataStack;
  readonly account: string;
  readonly datastoreArn: string;
}

/**
 * The role that HealthLake takes on to import Consents, for their data store alone and below `imports/` alone: it reads
 * what a run has put there, and writes what became of it.
 * Source: AWS HealthLake Developer Guide, "Getting started: setting up permissions for import jobs".
 */
export class ImportRole extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { data: { bucket, key }, account, datastoreArn }: ImportRoleProps) {
    super(scope, id);
    this.role = new Role(this, 'Role', {
      description: 'HealthLake reads the Consents that a run imports, and writes what became of them',
      assumedBy: new ServicePrincipal('healthlake.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account }, ArnEquals: { 'aws:SourceArn': datastoreArn } },
      }),
    });
    // It looks at the bucket as a whole before it accepts a job.
    this.role.addToPolicy(
      new PolicyStatement({
        actions: ['s3:ListBucket', 's3:GetBucketPublicAccessBlock', 's3:GetEncryptionConfiguration'],
        resources: [bucket.bucketArn],
      }),
    );
    this.role.addToPolicy(
      new PolicyStatement({ actions: ['s3:GetObject'], resources: [bucket.arnForObjects('imports/*/input/*')] }),
    );
    this.role.addToPolicy(
      new PolicyStatement({ actions: ['s3:PutObject'], resources: [bucket.arnForObjects('imports/*/output/*')] }),
    );
    this.role.addToPolicy(
      new PolicyStatement({
        actions: ['kms:DescribeKey', 'kms:GenerateDataKey*', 'kms:Decrypt'],
        resources: [key.keyArn],
      }),
    );
  }

  grantPass(grantee: IGrantable): void {
    passToHealthLake(grantee, this.role);
  }
}
