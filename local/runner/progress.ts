import { Listr } from 'listr2';
import type { ExecutionEvent } from '../step-functions/history.ts';

/** Shows how far a run is. */
export interface Progress {
  entered(stateName: string): void;
  finished(isGood: boolean): Promise<void>;
}

/** The states that an operator knows a run by, in their order. */
const stages = [
  'Open the run',
  'Export the patients',
  'Read the patients',
  'Build the cohort',
  'Stage the requests',
  'Send the requests',
  'Check the inbox',
  'Reconcile',
  'Weigh the changes',
  'Hold for review',
  'Write the activations',
  'Write the import files',
  'Start the import',
  'Find what the import left',
  'Write the other Consents',
  'Close the run',
] as const;

/** The state that an event enters, if it enters one. */
export function stateEntered({ stateEnteredEventDetails }: ExecutionEvent): string | undefined {
  return stateEnteredEventDetails?.name;
}

/** A live view by state where somebody watches, a line a state on stderr elsewhere. */
export function showProgress(isLive: boolean): Progress {
  return isLive ? liveProgress() : plainProgress();
}

function plainProgress(): Progress {
  let last = '';
  let looks = 0;
  return {
    entered: (name) => {
      if (!stages.some((stage) => stage === name) && name !== 'Record the failure') return;
      if (name === last) {
        looks += 1;
        return;
      }
      if (looks > 0) process.stderr.write(`  ${last}, ${looks + 1} times\n`);
      looks = 0;
      last = name;
      process.stderr.write(`  ${name}\n`);
    },
    finished: () => {
      if (looks > 0) process.stderr.write(`  ${last}, ${looks + 1} times\n`);
      return Promise.resolve();
    },
  };
}

function liveProgress(): Progress {
  const waiting = stages.map((name) => ({ name, ...Promise.withResolvers<boolean>() }));
  let reached = -1;
  const view = new Listr(
    waiting.map(({ name, promise }) => ({
      title: name,
      task: async (_: unknown, task) => {
        if (!(await promise)) task.skip();
      },
    })),
    { concurrent: true, exitOnError: false, rendererOptions: { collapseSkips: false } },
  );
  const shown = view.run();
  const visited = new Set<number>();
  return {
    entered: (name) => {
      const index = stages.findIndex((stage) => stage === name);
      if (index < 0) return;
      visited.add(index);
      for (; reached < index - 1; reached += 1) waiting[reached + 1]?.resolve(visited.has(reached + 1));
    },
    finished: async (isGood) => {
      for (const [index, stage] of waiting.entries()) {
        if (!isGood && index === Math.max(...visited)) stage.reject(new Error(`${stage.name}: the run ends here`));
        else stage.resolve(visited.has(index));
      }
      await shown;
    },
  };
}
