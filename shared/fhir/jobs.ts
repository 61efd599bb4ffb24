import { PermanentError } from '../errors.ts';
import { memberOf } from '../json.ts';
import type { FhirStore } from './store.ts';

/** Of an export or import job. Source: AWS HealthLake API Reference, `JobStatus`. */
const statuses = [
  'SUBMITTED',
  'QUEUED',
  'IN_PROGRESS',
  'COMPLETED',
  'COMPLETED_WITH_ERRORS',
  'FAILED',
  'CANCEL_SUBMITTED',
  'CANCEL_IN_PROGRESS',
  'CANCEL_COMPLETED',
  'CANCEL_FAILED',
] as const;
export type JobStatus = (typeof statuses)[number];

/** @throws PermanentError HealthLakeRefused where it is none that is known */
export function parseJobStatus(stated: unknown, job: string): JobStatus {
  const status = statuses.find((known) => known === stated);
  if (status !== undefined) return status;
  throw new PermanentError('HealthLakeRefused', `HealthLake gave ${job} a status that is not known`);
}

/** How long to wait for a job once more: a tenth of the time it has taken so far, from half a minute to five minutes. */
export function waitAfter(waitedSeconds: number): number {
  return Math.round(Math.min(300, Math.max(30, waitedSeconds / 10)));
}

/** HealthLake's own actions are no part of FHIR: they are called at the root of the same host. */
export function callAction(
  store: Pick<FhirStore, 'baseUrl' | 'call'>,
  action: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  return store.call({
    url: new URL('/', store.baseUrl),
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `HealthLake.${action}` },
    body: JSON.stringify({ DatastoreId: datastoreIdOf(store), ...parameters }),
  });
}

export function datastoreIdOf({ baseUrl }: Pick<FhirStore, 'baseUrl'>): string {
  return /\/datastore\/([^/]+)\//.exec(baseUrl)?.[1] ?? '';
}

export function textIn(answer: unknown, name: string): string {
  const value = memberOf(answer, name);
  if (typeof value === 'string' && value !== '') return value;
  throw new PermanentError('HealthLakeRefused', `HealthLake said nothing of the job's ${name}`);
}
