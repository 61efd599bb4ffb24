import { RemovalPolicy, type Duration, type Size } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, LoggingFormat, Runtime, Tracing, Version, type IVersion } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Construct } from 'constructs';
import { join } from 'node:path';
import { nodeOptions, type Setting } from '../../shared/contract.ts';
import { maskedLog, type PipelineLogs } from './pipeline-logs.ts';

const root = join(import.meta.dirname, '../..');

export interface StepFunctionProps {
  readonly memorySize: number;
  readonly timeout: Duration;
  /** 512 MiB where nothing is said. */
  readonly temporaryStorage?: Size;
  readonly settings: Partial<Record<Setting, string>>;
  readonly logs: PipelineLogs;
}

/** A Lambda function, of a step or of the NOOM API, from `functions/<folder>/handler.ts`, with a role and a log of its own. */
export class StepFunction extends NodejsFunction {
  /** What a deployment publishes of it. */
  readonly published: IVersion;

  constructor(
    scope: Construct,
    folder: string,
    { memorySize, timeout, temporaryStorage, settings, logs }: StepFunctionProps,
  ) {
    const id = folder.replace(/(^|-)([a-z])/g, (_, _dash, letter: string) => letter.toUpperCase());
    super(scope, id, {
      entry: join(root, 'functions', folder, 'handler.ts'),
      projectRoot: root,
      depsLockFilePath: join(root, 'package-lock.json'),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize,
      timeout,
      // Without the managed policy of AWS, which lets a function make logs and write into any.
      role: new Role(scope, `${id}ServiceRole`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
      ...(temporaryStorage ? { ephemeralStorageSize: temporaryStorage } : {}),
      tracing: Tracing.ACTIVE,
      loggingFormat: LoggingFormat.JSON,
      logGroup: maskedLog(scope, `${id}Log`, logs),
      // Kept for the runs that began with them; but one of a failed update goes, or the next could not publish the same code.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE },
      environment: {
        NODE_OPTIONS: nodeOptions.join(' '),
        POWERTOOLS_SERVICE_NAME: folder,
        ...settings,
      },
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        mainFields: ['module', 'main'],
        bundleAwsSDK: true,
        keepNames: true,
        minify: true,
        sourceMap: true,
        sourcesContent: false,
        banner: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);",
      },
    });
    this.logGroup.grantWrite(this);
    this.published = Version.fromVersionArn(this, 'Published', this.currentVersion.functionArn);
  }
}
