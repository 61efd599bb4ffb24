import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';

/** How everything in the pipeline keeps its logs. */
export interface PipelineLogs {
  readonly key: IKey;
  readonly retention: RetentionDays;
}
