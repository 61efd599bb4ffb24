import type {
  DescribeExecutionCommandOutput,
  StartExecutionCommandInput,
  StartExecutionCommandOutput,
} from '@aws-sdk/client-sfn';
import { samplePeople } from '../support/nhs-numbers.ts';

export interface DryRunCloud {
  readonly stateMachineArn: string;
  readonly write: (key: string, body: string) => Promise<void>;
  readonly start: (input: StartExecutionCommandInput) => Promise<Pick<StartExecutionCommandOutput, 'executionArn'>>;
  readonly describe: (
    executionArn: string,
  ) => Promise<Pick<DescribeExecutionCommandOutput, 'status' | 'output' | 'error'>>;
  readonly pause: () => Promise<void>;
}

/**
 * Lets a deployed environment stage a request for three made-up people: nothing is sent, nothing written to the FHIR
 * store.
 *
 * @throws Error where the run ends in any other way than a dry run that went well
 */
export async function checkDryRun({ stateMachineArn, write, start, describe, pause }: DryRunCloud): Promise<string> {
  const key = `cohorts/test-cloud-${Date.now()}.csv`;
  await write(key, ['nhsNumber', ...samplePeople.slice(0, 3), ''].join('\r\n'));
  const { executionArn = '' } = await start({
    stateMachineArn,
    input: JSON.stringify({
      ...{ trigger: 'console', mode: 'dry-run', reason: 'npm run test:cloud' },
      cohort: { source: 's3', key },
    }),
  });
  for (;;) {
    const { status, output = '', error } = await describe(executionArn);
    if (status === 'RUNNING') {
      await pause();
      continue;
    }
    if (status !== 'SUCCEEDED' || !output.includes('"DryRunCompleted"')) {
      throw new Error(`The dry run ended as ${status ?? 'nothing'}: ${error ?? output}`);
    }
    return 'A dry run of three made-up people went well';
  }
}
