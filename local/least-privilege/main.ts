import { join } from 'node:path';
import { endWith, readArguments } from '../../shared/command-line.ts';
import { readDeployment, type Deployment } from '../assembly/deployment.ts';
import { synthesize } from '../assembly/synthesize.ts';
import type { Statement } from '../iam/policy.ts';
import { findingsOf } from './findings.ts';
import { play } from './play.ts';
import { plays, type Play } from './plays.ts';
import { differenceWithout, endingsOf, type Difference } from './removal.ts';
import { labelOf, shortened, tableOf } from './table.ts';
import { Uses, type StatementUse } from './uses.ts';

const root = join(import.meta.dirname, '../..');

/** Of each kind one that a first run cannot do without: these are taken away in earnest, where not each of them is. */
const samples = [
  { role: 'open-run', action: 'dynamodb:PutItem' },
  { role: 'build-cohort', action: 's3:PutObject' },
  { role: 'write-consents', action: 'healthlake:ProcessBundle' },
];

/** Which plays need each statement, and what is wrong with how they end. */
async function recordAll(deployment: Deployment, uses: Uses) {
  const neededBy = new Map<Statement, readonly Play[]>();
  const findings: string[] = [];
  for (const [index, each] of plays.entries()) {
    const own = new Uses();
    const ended = await play(each, deployment, (decision) => {
      uses.record(decision);
      own.record(decision);
    });
    for (const { statement, isNecessary } of own.of(deployment.roles)) {
      if (isNecessary) neededBy.set(statement, [...(neededBy.get(statement) ?? []), each]);
    }
    const [is, shouldBe] = [endingsOf(ended).join(', '), each.ends.join(', ')];
    process.stderr.write(`${index + 1} of ${plays.length}: ${each.scenario}: ${is}\n`);
    if (is !== shouldBe) findings.push(`${each.scenario} ends as ${is} and should end as ${shouldBe}`);
  }
  return { neededBy, findings };
}

/** Takes away each statement by itself, in earnest; undefined where that makes no difference. */
async function takeAway(
  statements: readonly StatementUse[],
  neededBy: ReadonlyMap<Statement, readonly Play[]>,
  deployment: Deployment,
): Promise<Map<Statement, Difference | undefined>> {
  const differences = new Map<Statement, Difference | undefined>();
  for (const use of statements) {
    const { role, statement } = use;
    const difference = await differenceWithout(use, neededBy.get(statement) ?? [], deployment);
    differences.set(statement, difference);
    const what = `${labelOf(deployment, role)} without ${statement.actions.join(', ')}`;
    const how = difference ? `${difference.by.scenario}: ${difference.ending}` : 'no difference';
    process.stderr.write(`${differences.size} of ${statements.length}: ${what}: ${how}\n`);
  }
  return differences;
}

try {
  const { each: isEach } = readArguments({ options: { each: { type: 'boolean', default: false } } }).values;
  const deployment = await readDeployment((await synthesize(root)).directory);
  const uses = new Uses();
  const recorded = await recordAll(deployment, uses);
  const found = uses.of(deployment.roles);
  const isSample = ({ role, statement }: StatementUse) =>
    samples.some((each) => labelOf(deployment, role) === each.role && statement.actions.includes(each.action));
  const { neededBy } = recorded;
  const differences = await takeAway(isEach ? found : found.filter(isSample), neededBy, deployment);
  process.stdout.write(`${tableOf(found, isEach ? { differences } : { neededBy }, deployment)}\n`);
  const findings = [
    ...recorded.findings,
    ...uses.refused.map(
      ({ role, action, resource }) => `${labelOf(deployment, role)} was refused ${action} on ${resource}`,
    ),
    ...findingsOf(found, {
      role: (role) => labelOf(deployment, role),
      resource: (resource) => shortened(resource, deployment),
    }),
    ...found
      .filter(({ statement }) => differences.has(statement) && differences.get(statement) === undefined)
      .map(
        ({ role, statement }) => `${labelOf(deployment, role)} does as well without ${statement.actions.join(', ')}`,
      ),
  ];
  for (const finding of findings) process.stderr.write(`${finding}\n`);
  if (findings.length > 0) process.exitCode = 1;
} catch (error) {
  endWith(error, 'npm run least-privilege');
}
