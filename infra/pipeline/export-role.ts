import type { Construct } from 'constructs';
import { HealthLakeRole, type HealthLakeRoleProps } from './healthlake-role.ts';

/**
 * The role that HealthLake takes on to write an export, for our data store alone and below `exports/` alone.
 * Source: AWS HealthLake Developer Guide, "Getting started: setting up permissions for export jobs".
 */
export class ExportRole extends HealthLakeRole {
  constructor(scope: Construct, id: string, props: HealthLakeRoleProps) {
    super(scope, id, { ...props, description: 'HealthLake writes the Patients that a run exports' });
    const { bucket, key } = props.data;
    this.allow(['s3:PutObject'], bucket.arnForObjects('exports/*'));
    this.allow(['kms:DescribeKey', 'kms:GenerateDataKey*'], key.keyArn);
  }
}
