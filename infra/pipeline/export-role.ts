import { PolicyStatement, Role, ServicePrincipal, type IGrantable, type IRole } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';

export interface ExportRoleProps {
  readonly data: DataStack;
  readonly account: string;
  readonly datastoreArn: string;
}

/**
 * The role that HealthLake takes on to write an export, for our data store alone and below `exports/` alone.
 * Source: AWS HealthLake Developer Guide, "Getting started: setting up permissions for export jobs".
 */
export class ExportRole extends Construct {
  readonly role: Role;

  constructor(scope: Construct, id: string, { data: { bucket, key }, account, datastoreArn }: ExportRoleProps) {
    super(scope, id);
    this.role = new Role(this, 'Role', {
      description: 'HealthLake writes the Patients that a run exports',
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
      new PolicyStatement({ actions: ['s3:PutObject'], resources: [bucket.arnForObjects('exports/*')] }),
    );
    this.role.addToPolicy(
      new PolicyStatement({ actions: ['kms:DescribeKey', 'kms:GenerateDataKey*'], resources: [key.keyArn] }),
    );
  }

  grantPass(grantee: IGrantable): void {
    passToHealthLake(grantee, this.role);
  }
}

/** `Role.grantPassRole` would let it be passed to any service. */
export function passToHealthLake(grantee: IGrantable, { roleArn }: IRole): void {
  grantee.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'healthlake.amazonaws.com' } },
    }),
  );
}
