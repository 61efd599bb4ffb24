import { setTimeout as pause } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  SFNClient,
  StartExecutionCommand,
  TestStateCommand,
  ValidateStateMachineDefinitionCommand,
} from '@aws-sdk/client-sfn';
import { defaultProvider } from '@aws-sdk/credential-provider-node';
import { checkStores } from '../../ops/check-store.ts';
import { openTarget } from '../../ops/target.ts';
import { endWith, readArguments, UsageError } from '../../shared/command-line.ts';
import { readDefinitions } from '../infra/definitions.ts';
import { checkDefinitions } from './check-definitions.ts';
import { checkDryRun } from './check-dry-run.ts';

const usage = `Usage: npm run test:cloud -- [--env NAME [--run]]

Lets Step Functions judge both state machines and visit their states (ValidateStateMachineDefinition, TestState).
  --env NAME  has the FHIR store of a deployed environment validate a Consent as well; nothing is written there
  --run       starts a dry run of three made-up people there; never in prod

Skipped where there are no AWS credentials.`;

try {
  await main(process.argv.slice(2));
} catch (error) {
  endWith(error, 'npm run test:cloud -- --help');
}

async function main(args: string[]): Promise<void> {
  const { values } = readArguments({
    args,
    options: { env: { type: 'string' }, run: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) {
    say(usage);
    return;
  }
  if (values.run === true && (values.env === undefined || values.env === 'prod')) {
    throw new UsageError('--run: name an environment that is not prod with --env');
  }
  if (!(await hasCredentials())) {
    say('Skipped: there are no AWS credentials, so nothing was checked against AWS.');
    return;
  }
  const sfn = new SFNClient({ region: 'eu-west-2' });
  const wrong = await checkDefinitions(await readDefinitions(), {
    validate: (input) => sfn.send(new ValidateStateMachineDefinitionCommand(input)),
    testState: (input) => sfn.send(new TestStateCommand(input)),
  });
  wrong.forEach(say);
  say(wrong.length === 0 ? 'Step Functions does as the local interpreter does' : 'Step Functions does otherwise');
  if (wrong.length > 0) process.exitCode = 1;
  if (values.env === undefined) return;
  const target = await openTarget(values.env);
  say(await checkStores(target.openStores(), say));
  if (values.run === true) {
    say(
      await checkDryRun({
        stateMachineArn: target.stateMachineArn,
        write: async (key, body) => {
          await target.files.writeOnce(key, body);
        },
        start: (input) => target.sfn.send(new StartExecutionCommand(input)),
        describe: (executionArn) => target.sfn.send(new DescribeExecutionCommand({ executionArn })),
        pause: () => pause(5_000),
      }),
    );
  }
}

async function hasCredentials(): Promise<boolean> {
  return defaultProvider()().then(
    () => true,
    () => false,
  );
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
