import { Stack } from 'aws-cdk-lib';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import type { DataStack } from '../data/data-stack.ts';
import type { Environment } from '../environments/environment.ts';
import type { NoomStack } from '../noom/noom-stack.ts';
import type { PipelineStack } from '../pipeline/pipeline-stack.ts';
import { StepFunction } from '../pipeline/step-function.ts';
import { Alarms } from './alarms.ts';
import { overview } from './overview.ts';
import { savedQueries } from './saved-queries.ts';
import { statusChanges } from './status-changes.ts';

export interface OpsStackProps {
  readonly environment: Environment;
  readonly data: DataStack;
  readonly pipeline: PipelineStack;
  /** Where the environment has the NOOM API. */
  readonly noom: NoomStack | undefined;
}

/** What watches a run, and the NOOM API: alarms, the dashboard and the queries of the logs. It holds nothing, and they can do without it. */
export class OpsStack extends Stack {
  constructor(scope: Construct, id: string, { environment, data: { topic }, pipeline, noom }: OpsStackProps) {
    super(scope, id);
    const within = pipeline.node.findAll();
    const steps = within.filter((construct) => construct instanceof StepFunction);
    const functions = [...steps, ...(noom ? [noom.answers] : [])];
    const alarms = new Alarms(this, 'Alarms', { environment, pipeline, noom, functions, topic });
    statusChanges(this, {
      environment: environment.name,
      stateMachines: [pipeline.refresh.machine.stateMachine, pipeline.drain.machine.stateMachine],
      topic,
    });
    overview(this, { environment, pipeline, noom, functions, alarms: alarms.all });
    savedQueries(this, {
      environment: environment.name,
      logGroupNames: within
        .filter((construct) => construct instanceof LogGroup)
        .map(({ logGroupName }) => logGroupName),
      ...(noom ? { accessLogName: noom.api.accessLog.logGroupName } : {}),
    });
  }
}
