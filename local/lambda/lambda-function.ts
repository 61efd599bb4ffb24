import { randomUUID } from 'node:crypto';

/** A function as the application deploys it. */
export interface LambdaFunction {
  readonly name: string;
  /** Unqualified. */
  readonly arn: string;
  /** Holds the bundle: `index.mjs` or `index.js` for the handler `index.handler`. */
  readonly codeDirectory: string;
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Megabytes as Lambda counts them, of 2^20 bytes. */
  readonly memorySize: number;
  readonly timeoutSeconds: number;
}

/**
 * The environment variables of one execution environment: what Lambda sets and what the function is given, and nothing
 * of the host's own. `TZ` reaches `process.env` only: all threads share the time zone of the process.
 * Source: "Defined runtime environment variables", AWS Lambda developer guide.
 */
export function environmentVariables(lambdaFunction: LambdaFunction): Record<string, string> {
  const region = lambdaFunction.arn.split(':')[3] ?? '';
  const day = new Date().toISOString().slice(0, 10).replaceAll('-', '/');
  return {
    _HANDLER: lambdaFunction.handler,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(lambdaFunction.memorySize),
    AWS_LAMBDA_FUNCTION_NAME: lambdaFunction.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${lambdaFunction.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${day}/[$LATEST]${randomUUID().replaceAll('-', '')}`,
    AWS_REGION: region,
    LAMBDA_TASK_ROOT: lambdaFunction.codeDirectory,
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    ...lambdaFunction.environment,
  };
}
