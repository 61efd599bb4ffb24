import { join } from 'node:path';
import { endWith, readArguments } from '../../shared/command-line.ts';
import { readDeployment, type Deployment } from '../assembly/deployment.ts';
import { synthesize } from '../assembly/synthesize.ts';
import type { Statement } from '../iam/policy.ts';
import { findingsOf } from './findings.ts';
import { play } from './play.ts';
import { plays, type Play } from './plays.ts';
import { endingsOf, endingWithout } from './removal.ts';
import { labelOf, shortened, tableOf } from './table.ts';
import { Uses, type StatementUse } from './uses.ts';

const root = join(import.meta.dirname, '../..');

/** Of each kind one that a first run cannot do without: these are taken away in earnest, where not each of them is. */
const samples = [
  { role: 'open-run', action: 'dynamodb:PutItem' },
  { role: 'build-cohort', action: 's3:PutObject' },
  { role: 'write-consents', action: 'healthlake:ProcessBundle' },
];

const noDifference = 'no difference';

/** Which play is the first to need each statement, and what is wrong with how the plays end. */
async function recordAll(deployment: Deployment, uses: Uses) {
  const neededBy = new Map<Statement, Play>();
  const findings: string[] = [];
  for (const [index, each] of plays.entries()) {
    const own = new Uses();
    const ended = await play(each, deployment, (decision) => {
      uses.record(decision);
      own.record(decision);
    });
    for (const { statement, isNecessary } of own.of(deployment.roles)) {
      if (isNecessary && !neededBy.has(statement)) neededBy.set(statement, each);
    }
    const [is, shouldBe] = [endingsOf(ended).join(', '), each.ends.join(', ')];
    process.stderr.write(`${index + 1} of ${plays.length}: ${each.scenario}: ${is}\n`);
    if (is !== shouldBe) findings.push(`${each.scenario} ends as ${is} and should end as ${shouldBe}`);
  }
  return { neededBy, findings };
}

/** Takes away each statement by itself, in earnest, and plays what is the first to need it. */
async function takeAway(
  statements: readonly StatementUse[],
  neededBy: ReadonlyMap<Statement, Play>,
  deployment: Deployment,
): Promise<Map<Statement, string>> {
  const endings = new Map<Statement, string>();
  for (const use of statements) {
    const by = neededBy.get(use.statement);
    if (!by) continue;
    const ending = await endingWithout(use, by, deployment);
    endings.set(use.statement, ending ?? noDifference);
    const what = `${labelOf(deployment, use.role)} without ${use.statement.actions.join(', ')}`;
    process.stderr.write(
      `${endings.size} of ${statements.length}: ${what}: ${by.scenario}: ${ending ?? noDifference}\n`,
    );
  }
  return endings;
}

try {
  const { each: isEach } = readArguments({ options: { each: { type: 'boolean', default: false } } }).values;
  const deployment = await readDeployment((await synthesize(root)).directory);
  const uses = new Uses();
  const recorded = await recordAll(deployment, uses);
  const found = uses.of(deployment.roles);
  const isSample = ({ role, statement }: StatementUse) =>
    samples.some((each) => labelOf(deployment, role) === each.role && statement.actions.includes(each.action));
  const endings = await takeAway(isEach ? found : found.filter(isSample), recorded.neededBy, deployment);
  const proofs = { neededBy: recorded.neededBy, ...(isEach ? { endings } : {}) };
  process.stdout.write(`${tableOf(found, proofs, deployment)}\n`);
  const findings = [
    ...recorded.findings,
    ...uses.refused.map(
      ({ role, action, resource }) => `${labelOf(deployment, role)} was refused ${action} on ${resource}`,
    ),
    ...findingsOf(found, {
      role: (role) => labelOf(deployment, role),
      resource: (resource) => shortened(resource, deployment),
    }),
    ...[...endings]
      .filter(([, ending]) => ending === noDifference)
      .map(([statement]) => `${recorded.neededBy.get(statement)?.scenario ?? ''} ends as before without a statement`),
  ];
  for (const finding of findings) process.stderr.write(`${finding}\n`);
  if (findings.length > 0) process.exitCode = 1;
} catch (error) {
  endWith(error, 'npm run least-privilege');
}
