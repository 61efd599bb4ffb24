import type { Deployment } from '../assembly/deployment.ts';
import type { Statement } from '../iam/policy.ts';
import type { Role } from '../iam/roles.ts';
import type { Play } from './plays.ts';
import type { Difference } from './removal.ts';
import type { StatementUse } from './uses.ts';

/** What a role is known by: the step whose function has it, or what HealthLake does with it. */
export function labelOf({ functions }: Deployment, { arn }: Role): string {
  for (const { roleArn, environment } of functions) {
    if (roleArn === arn) return environment.POWERTOOLS_SERVICE_NAME ?? '';
    if (environment.EXPORT_ROLE === arn) return 'HealthLake, exporting';
    if (environment.IMPORT_ROLE === arn) return 'HealthLake, importing';
  }
  return arn;
}

/** ARNs without what is the same in all of them. */
export function shortened(resource: string, { bucket, table, keyArn }: Deployment): string {
  if (resource === keyArn) return 'key';
  return (
    resource
      .replace(/^arn:aws:([^:]*):[^:]*:[^:]*:/, '$1:')
      .replace(bucket, 'bucket')
      .replace(table, 'ledger')
      // What CloudFormation adds to a name.
      .replace(/[0-9A-F]{8}\b/, '')
  );
}

/** The plays that have needed each statement, or the one that made a difference without it, and which. */
type Proofs =
  | { readonly neededBy: ReadonlyMap<Statement, readonly Play[]> }
  | { readonly differences: ReadonlyMap<Statement, Difference | undefined> };

/** The record as a table in Markdown. */
export function tableOf(uses: readonly StatementUse[], proofs: Proofs, deployment: Deployment): string {
  const rows = uses.map(({ role, statement, actions, resources, isNecessary }) => {
    const conditions = statement.conditions.map(({ key, values }) => `${key}: ${values.join(' or ')}`);
    return [
      labelOf(deployment, role),
      [...resources.map(({ text }) => shortened(text, deployment)), ...conditions].join('; '),
      actions
        .filter(({ uses: used }) => used.length > 0)
        .map(({ text }) => text)
        .join(', '),
      actions
        .filter(({ uses: used }) => used.length === 0)
        .map(({ text }) => text)
        .join(', '),
      isNecessary ? 'yes' : 'no',
      ...proofOf(statement, proofs),
    ];
  });
  const head = [
    ...['role', 'resource and condition', 'actions used', 'actions never used', 'necessary'],
    ...('differences' in proofs ? ['scenario without it', 'ends as'] : ['needed by']),
  ];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function proofOf(statement: Statement, proofs: Proofs): string[] {
  if ('neededBy' in proofs) return [proofs.neededBy.get(statement)?.[0]?.scenario ?? ''];
  const difference = proofs.differences.get(statement);
  return [difference?.by.scenario ?? 'nothing', difference?.ending ?? 'before'];
}
