import type { Deployment } from '../assembly/deployment.ts';
import type { Statement } from '../iam/policy.ts';
import type { Role } from '../iam/roles.ts';
import type { Play } from './plays.ts';
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

export interface Proofs {
  readonly neededBy: ReadonlyMap<Statement, Play>;
  /** How that play ended without the statement; absent where not each was taken away. */
  readonly endings?: ReadonlyMap<Statement, string>;
}

/** The record as a table in Markdown. */
export function tableOf(uses: readonly StatementUse[], { neededBy, endings }: Proofs, deployment: Deployment): string {
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
      neededBy.get(statement)?.scenario ?? '',
      ...(endings ? [endings.get(statement) ?? ''] : []),
    ];
  });
  const head = [
    ...['role', 'resource and condition', 'actions used', 'actions never used', 'necessary', 'first needed by'],
    ...(endings ? ['without it'] : []),
  ];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
