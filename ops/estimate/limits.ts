/** Limits that are met first as a cohort grows, each with its source. */
export const limits = {
  /** Events in the history of one execution of a Standard workflow. Source: Step Functions Developer Guide, quotas. */
  historyEvents: 25_000,
  /** Bytes of a state's input or output, and of one Assign. Source: the same. */
  stateBytes: 262_144,
  /** Seconds of one Lambda invocation. Source: Lambda Developer Guide, quotas. */
  lambdaSeconds: 900,
  /** Megabytes of a Lambda function with one whole vCPU. Source: Lambda Developer Guide, memory. */
  megabytesOfOneCpu: 1_769,
  /** Bytes that a function may keep in /tmp at most, where it is configured so. Source: Lambda Developer Guide, quotas. */
  temporaryBytes: 10_240 * 1_048_576,
  /** Days after which MESH drops a message that nobody has collected. Source: MESH client user guide. */
  meshExpiryDays: 5,
  /** Write capacity of a data store in units of 1 KB a second. Source: HealthLake Developer Guide, quotas; adjustable. */
  healthLakeWriteUnitsASecond: 3_000,
  /** Resources read by id, a second. Source: the same; adjustable. */
  healthLakeReadsASecond: 3_000,
  /** Searches a second. Source: the same; adjustable. */
  healthLakeSearchesASecond: 100,
  /** Queries of a store that each hour of it includes. Source: aws.amazon.com/healthlake/pricing. */
  healthLakeQueriesAnHour: 3_500,
} as const;
