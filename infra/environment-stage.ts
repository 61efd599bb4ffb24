import { Stage } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { acknowledge } from './acknowledged.ts';
import { DataStack } from './data/data-stack.ts';
import type { Environment } from './environments/environment.ts';
import { NoomStack } from './noom/noom-stack.ts';
import { OpsStack } from './ops/ops-stack.ts';
import { PipelineStack } from './pipeline/pipeline-stack.ts';

/** All that one environment deploys: what it keeps, and what works on it. */
export class EnvironmentStage extends Stage {
  constructor(scope: Construct, id: string, { environment }: { readonly environment: Environment }) {
    const { account, region } = environment;
    super(scope, id, { env: { account, region } });
    const data = new DataStack(this, 'data', { environment });
    const pipeline = new PipelineStack(this, 'pipeline', { environment, data });
    const noom = environment.noom.enabled ? new NoomStack(this, 'noom', { environment, data }) : undefined;
    const ops = new OpsStack(this, 'ops', { environment, data, pipeline, noom });
    acknowledge({ data, pipeline, noom, ops });
  }
}
