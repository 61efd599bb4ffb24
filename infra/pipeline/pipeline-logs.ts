import { RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  CustomDataIdentifier,
  DataIdentifier,
  DataProtectionPolicy,
  LogGroup,
  type RetentionDays,
} from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** How everything in the pipeline keeps its logs. */
export interface PipelineLogs {
  readonly key: IKey;
  readonly retention: RetentionDays;
}

/**
 * Ten digits, also as 3-3-4, with neither digit nor letter beside them: an NHS number wherever it stands. AWS's own identifier
 * wants a word such as "NHS" nearby. Groups, lookarounds and `\b` are not among what CloudWatch's expressions are said to know;
 * a line of ours is a JSON object, so that something stands on either side of any number.
 * Source: Amazon CloudWatch Logs User Guide, "Custom data identifiers".
 */
const tenDigits = new CustomDataIdentifier('TenDigits', '[^0-9A-Za-z][0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}[^0-9A-Za-z]');

/** A log in which no person should be. Should one ever be there, the number is masked for whoever reads the log. */
export function maskedLog(scope: Construct, id: string, { key, retention }: PipelineLogs): LogGroup {
  return new LogGroup(scope, id, {
    encryptionKey: key,
    retention,
    dataProtectionPolicy: new DataProtectionPolicy({ identifiers: [DataIdentifier.NHSNUMBER_GB, tenDigits] }),
    removalPolicy: RemovalPolicy.DESTROY,
  });
}
