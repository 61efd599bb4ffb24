import type { Deployment } from '../assembly/deployment.ts';
import type { EndedExecution } from '../runner/run-scenario.ts';
import { play } from './play.ts';
import type { Play } from './plays.ts';
import { Uses, type StatementUse } from './uses.ts';

type Removed = Pick<StatementUse, 'role' | 'statement'>;

/** What each execution came to: how its run ended, the error that it failed with, or how it was ended itself. */
export function endingsOf(ended: readonly EndedExecution[]): string[] {
  return ended.map(({ outcome, error, status }) => outcome ?? error ?? status);
}

export interface Difference {
  readonly by: Play;
  /** How the play ends otherwise, or that something was refused. */
  readonly ending: string;
}

/**
 * Takes one statement from one role in earnest.
 *
 * @param plays those that have needed it: what a play needs by chance, because of a message that has come by then, another
 *   needs for certain
 * @returns the first of them that does not go as before; undefined where all do
 */
export async function differenceWithout(
  removed: Removed,
  plays: readonly Play[],
  deployment: Deployment,
): Promise<Difference | undefined> {
  for (const by of plays) {
    const ending = await endingWithout(removed, by, deployment);
    if (ending !== undefined) return { by, ending };
  }
  return undefined;
}

async function endingWithout(removed: Removed, by: Play, deployment: Deployment): Promise<string | undefined> {
  const uses = new Uses();
  try {
    const endings = endingsOf(await play(by, withoutStatement(deployment, removed), uses.record));
    const other = endings.find((ending, index) => ending !== by.ends[index]);
    return other ?? (uses.refused.length > 0 ? 'refused' : undefined);
  } catch (error) {
    // It needs what its first execution was to leave, and the API's answer; and no function starts without its log.
    if (uses.refused.length > 0) return 'stops';
    throw error;
  }
}

/** The same deployment, in which a role has lost a statement. */
function withoutStatement(deployment: Deployment, { role, statement }: Removed): Deployment {
  const statements = role.statements.filter((each) => each !== statement);
  return { ...deployment, roles: deployment.roles.map((each) => (each === role ? { ...role, statements } : each)) };
}
