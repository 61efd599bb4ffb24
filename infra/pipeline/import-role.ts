import type { Construct } from 'constructs';
import { HealthLakeRole, type HealthLakeRoleProps } from './healthlake-role.ts';

/**
 * The role that HealthLake takes on to import Consents, for their data store alone and below `imports/` alone: it reads
 * what a run has put there, and writes what became of it.
 * Source: AWS HealthLake Developer Guide, "Getting started: setting up permissions for import jobs".
 */
export class ImportRole extends HealthLakeRole {
  constructor(scope: Construct, id: string, props: HealthLakeRoleProps) {
    super(scope, id, {
      ...props,
      description: 'HealthLake reads the Consents that a run imports, and writes what became of them',
    });
    const { bucket, key } = props.data;
    this.allow(['s3:GetObject'], bucket.arnForObjects('imports/*/input/*'));
    this.allow(['s3:PutObject'], bucket.arnForObjects('imports/*/output/*'));
    this.allow(['kms:DescribeKey', 'kms:GenerateDataKey*', 'kms:Decrypt'], key.keyArn);
  }
}
