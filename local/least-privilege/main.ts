import { join } from 'node:path';
import { endWith } from '../../shared/command-line.ts';
import { readDeployment, type Deployment } from '../assembly/deployment.ts';
import { synthesize } from '../assembly/synthesize.ts';
import type { ScenarioName } from '../scenarios.ts';
import { findingsOf } from './findings.ts';
import { play } from './play.ts';
import { withoutStatement } from './removal.ts';
import { labelOf, shortened, tableOf } from './table.ts';
import { unused } from './unused.ts';
import { Uses } from './uses.ts';

const root = join(import.meta.dirname, '../..');

/** They lead through every state and every way to fail that calls a service of its own; the others differ by replies. */
const played: readonly ScenarioName[] = [
  'happy',
  'bulk-import',
  'invalid-number',
  'held-and-approved',
  'job-refused',
  'one-part-resumed',
  'send-answer-lost',
  'late-answer-resumed',
  'late-answer',
  'write-refused',
  'write-stopped-rebuilt',
  'rewrite',
  'snapshot-lost',
  'rebuild-resumed',
  'expired-without-mesh',
  'two-runs-at-once',
  'cohort-from-csv',
  'patients-by-search',
  'import-with-errors',
  'import-refused',
  'export-answer-lost',
];

/** A statement of each kind that a first run cannot do without: taken away in earnest. */
const removed = [
  { role: 'open-run', action: 'dynamodb:PutItem' },
  { role: 'build-cohort', action: 's3:PutObject' },
  { role: 'write-consents', action: 'healthlake:ProcessBundle' },
];

async function recordAll(deployment: Deployment, uses: Uses): Promise<void> {
  for (const [index, name] of played.entries()) {
    const ended = await play(name, deployment, uses.record);
    const outcomes = ended.map(({ outcome, error }) => outcome ?? error ?? 'ended').join(', ');
    process.stderr.write(`${index + 1} of ${played.length}: ${name}: ${outcomes}\n`);
  }
}

/** What runs all the same although a statement that they need was taken away. */
async function removeInEarnest(deployment: Deployment): Promise<string[]> {
  const findings: string[] = [];
  for (const { role, action } of removed) {
    const uses = new Uses();
    const ended = await play('happy', withoutStatement(deployment, role, action), uses.record);
    // Whatever it asks for first of what the statement allowed.
    const isRefused = uses.refused.some((each) => labelOf(deployment, each.role) === role);
    const isFailed = ended.every(({ status }) => status !== 'SUCCEEDED');
    if (!isRefused || !isFailed) findings.push(`A run succeeds although ${role} may not ${action}`);
    process.stderr.write(`Without ${action}, ${role}: ${isFailed ? 'the run fails' : 'the run succeeds'}\n`);
  }
  return findings;
}

try {
  const deployment = await readDeployment((await synthesize(root)).directory);
  const uses = new Uses();
  await recordAll(deployment, uses);
  const found = uses.of(deployment.roles);
  process.stdout.write(`${tableOf(found, deployment)}\n`);
  const findings = [
    ...uses.refused.map(
      ({ role, action, resource }) => `${labelOf(deployment, role)} was refused ${action} on ${resource}`,
    ),
    ...findingsOf(found, unused, {
      role: (role) => labelOf(deployment, role),
      resource: (resource) => shortened(resource, deployment),
    }),
    ...(await removeInEarnest(deployment)),
  ];
  for (const finding of findings) process.stderr.write(`${finding}\n`);
  if (findings.length > 0) process.exitCode = 1;
} catch (error) {
  endWith(error, 'npm run least-privilege');
}
