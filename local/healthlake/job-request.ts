/** What export and import jobs are asked with alike. Source: AWS HealthLake API Reference. */
export const roleArnForm = /^arn:aws(-[^:]+)?:iam::[0-9]{12}:role\/.+$/;
export const jobNameForm = /^[\p{L}\p{Z}\p{N}_.:/=+\-%@]{1,64}$/u;
export const s3UriForm = /^s3:\/\/[^/]+(\/.*)?$/;

/** Written to the output location when a job is submitted, to see whether the role may. */
export const accessCheckFile = '.healthlake_write_access_check_file.temp';

export interface S3Location {
  readonly bucket: string;
  /** Empty for the whole bucket. */
  readonly prefix: string;
}

/** @param uri of the form above */
export function s3Location(uri: string): S3Location {
  const [bucket = '', ...rest] = uri.slice('s3://'.length).split('/');
  return { bucket, prefix: rest.join('/') };
}

/** Ends a prefix that is not empty in a slash. */
export function asFolder(prefix: string): string {
  return prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
}
