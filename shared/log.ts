import { Logger } from '@aws-lambda-powertools/logger';

/** Structured log of one step. Log run ids, part numbers, counts, hashes and error names; never a person. */
export const log = new Logger({ serviceName: 'ndop' });
