/** Prices without tax, in US dollars, of London (eu-west-2). Looked up on the date given; nobody is charged by this table. */
export const pricesAt = '2026-11-27';

export interface Price {
  readonly dollars: number;
  readonly per: string;
  readonly source: string;
  /** What keeps the price from being relied on. */
  readonly unsure?: string;
}

export const prices = {
  stateTransition: {
    dollars: 0.025 / 1_000,
    per: 'state transition of a Standard workflow, each try of a state counted',
    source: 'aws.amazon.com/step-functions/pricing, table of regions, Europe (London)',
  },
  lambdaGigabyteSecond: {
    dollars: 0.000_013_333_4,
    per: 'GB-second on arm64',
    source: 'AWS price list, AWSLambda, EUW2-Lambda-GB-Second-ARM, first tier',
  },
  lambdaRequest: {
    dollars: 0.2 / 1_000_000,
    per: 'invocation',
    source: 'AWS price list, AWSLambda, EUW2-Request-ARM',
  },
  httpApiRequest: {
    dollars: 1 / 1_000_000,
    per: 'request of an HTTP API, 512 KB each, first 300 million a month',
    source: 'aws.amazon.com/api-gateway/pricing',
    unsure: 'of us-east-1; London was not seen and is somewhat dearer',
  },
  s3Put: {
    dollars: 0.005_3 / 1_000,
    per: 'PUT, COPY, POST or LIST request',
    source: 'AWS price list, AmazonS3, EUW2-Requests-Tier1',
  },
  s3Get: {
    dollars: 0.000_42 / 1_000,
    per: 'GET request',
    source: 'AWS price list, AmazonS3, EUW2-Requests-Tier2',
  },
  s3GigabyteMonth: {
    dollars: 0.024,
    per: 'GB-month, Standard, first 50 TB',
    source: 'AWS price list, AmazonS3, EUW2-TimedStorage-ByteHrs',
  },
  dynamoWriteUnit: {
    dollars: 0.625 / 1_000_000,
    per: 'write request unit of 1 KB, on demand',
    source: 'aws.amazon.com/dynamodb/pricing/on-demand',
    unsure: 'of us-east-1; London was not seen and is somewhat dearer',
  },
  dynamoReadUnit: {
    dollars: 0.125 / 1_000_000,
    per: 'read request unit of 4 KB, strongly consistent, on demand',
    source: 'aws.amazon.com/dynamodb/pricing/on-demand',
    unsure: 'of us-east-1; London was not seen and is somewhat dearer',
  },
  healthLakeStoreHour: {
    dollars: 0.27,
    per: 'hour of a data store, with 10 GB and 3,500 queries an hour',
    source: 'aws.amazon.com/healthlake/pricing',
    unsure: 'of us-east-1; London was not seen',
  },
  healthLakeGigabyteMonth: {
    dollars: 0.37,
    per: 'GB-month beyond the first 10 GB',
    source: 'aws.amazon.com/healthlake/pricing',
    unsure: 'of us-east-1; how many bytes HealthLake counts for a Consent and its history is not published',
  },
  healthLakeQuery: {
    dollars: 0.048 / 10_000,
    per: 'query beyond 3,500 an hour',
    source: 'aws.amazon.com/healthlake/pricing',
    unsure:
      'of us-east-1; whether a read or a write in a Bundle counts as a query is not published, and is assumed here; an import is taken as free',
  },
  healthLakeExportGigabyte: {
    dollars: 0.19,
    per: 'GB exported',
    source: 'aws.amazon.com/healthlake/pricing',
    unsure: 'of us-east-1; London was not seen',
  },
} as const satisfies Record<string, Price>;

/** Prices of what stands whether a run starts or not; of us-east-1, for London was not seen. */
export const standingPrices = {
  alarmMonth: {
    dollars: 0.1,
    per: 'month of an alarm on one metric of standard resolution',
    source: 'aws.amazon.com/cloudwatch/pricing',
  },
  secretMonth: { dollars: 0.4, per: 'month of a secret', source: 'aws.amazon.com/secrets-manager/pricing' },
  keyMonth: {
    dollars: 1,
    per: 'month of a key, each of its first two rotations as much again',
    source: 'aws.amazon.com/kms/pricing',
  },
} as const satisfies Record<string, Price>;
