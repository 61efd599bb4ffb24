import { z } from 'zod';
import { ControlPlaneRefused } from './control-plane.ts';
import { jobNameForm, roleArnForm, s3UriForm } from './job-request.ts';
import { notImplemented } from './refused.ts';

const s3Uri = z.string().max(1024).regex(s3UriForm);

/**
 * Source: "StartFHIRImportJob", AWS HealthLake API Reference. What is not named there is refused, so that a
 * misspelt field is seen.
 */
const startRequest = z.strictObject({
  ClientToken: z
    .string()
    .regex(/^[a-zA-Z0-9-]{1,64}$/)
    .optional(),
  DataAccessRoleArn: z.string().max(2048).regex(roleArnForm),
  DatastoreId: z.string().max(32),
  InputDataConfig: z.strictObject({ S3Uri: s3Uri }),
  JobName: z.string().regex(jobNameForm).optional(),
  JobOutputDataConfig: z.strictObject({
    S3Configuration: z.strictObject({ S3Uri: s3Uri, KmsKeyId: z.string().min(1).max(400) }),
  }),
  ValidationLevel: z.enum(['strict', 'structure-only', 'minimal']).default('strict'),
});

const describeRequest = z.strictObject({ DatastoreId: z.string(), JobId: z.string() });

const statuses = ['SUBMITTED', 'QUEUED', 'IN_PROGRESS', 'COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED'] as const;

/** Filters by time, and pages, are not imitated. */
const listRequest = z.strictObject({
  DatastoreId: z.string(),
  JobName: z.string().optional(),
  JobStatus: z.enum(statuses).optional(),
});

export type ImportRequest = z.output<typeof startRequest>;
export type ImportStatus = (typeof statuses)[number];

/** @throws ControlPlaneRefused, or Refused 501 for another validation level than strict */
export function parseStart(body: unknown): ImportRequest {
  const request = parse(startRequest, body);
  if (request.ValidationLevel !== 'strict') throw notImplemented('a validation level other than strict');
  return request;
}

/** @throws ControlPlaneRefused */
export function parseDescribe(body: unknown): z.output<typeof describeRequest> {
  return parse(describeRequest, body);
}

/** @throws ControlPlaneRefused */
export function parseList(body: unknown): z.output<typeof listRequest> {
  return parse(listRequest, body);
}

function parse<Output>(schema: z.ZodType<Output>, body: unknown): Output {
  const { data, error } = schema.safeParse(body);
  if (error) throw new ControlPlaneRefused('ValidationException', z.prettifyError(error));
  return data;
}
