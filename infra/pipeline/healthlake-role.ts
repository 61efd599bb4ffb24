import { PolicyStatement, Role, ServicePrincipal, type IGrantable } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';

export interface HealthLakeRoleProps {
  readonly data: DataStack;
  readonly account: string;
  readonly datastoreArn: string;
}

/** A role that HealthLake takes on for a job of ours, for one data store alone. What it may do there is added to it. */
export class HealthLakeRole extends Construct {
  readonly role: Role;

  constructor(
    scope: Construct,
    id: string,
    { data: { bucket }, account, datastoreArn, description }: HealthLakeRoleProps & { readonly description: string },
  ) {
    super(scope, id);
    this.role = new Role(this, 'Role', {
      description,
      assumedBy: new ServicePrincipal('healthlake.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': account }, ArnEquals: { 'aws:SourceArn': datastoreArn } },
      }),
    });
    // It looks at the bucket as a whole before it accepts a job.
    this.allow(['s3:ListBucket', 's3:GetBucketPublicAccessBlock', 's3:GetEncryptionConfiguration'], bucket.bucketArn);
  }

  /** `Role.grantPassRole` would let it be passed to any service. */
  grantPass(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['iam:PassRole'],
        resources: [this.role.roleArn],
        conditions: { StringEquals: { 'iam:PassedToService': 'healthlake.amazonaws.com' } },
      }),
    );
  }

  protected allow(actions: string[], resource: string): void {
    this.role.addToPolicy(new PolicyStatement({ actions, resources: [resource] }));
  }
}
