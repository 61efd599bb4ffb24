import { filesBelow, linesOf } from '../answers.ts';
import { ours, rivals, type Contest } from '../contest.ts';

/**
 * The whole reconcile step: replies against the cohort and both against the snapshot of the run before, which gives the
 * next snapshot, gzipped, and the changes. The rivals write the snapshot alone and take for granted that the same people
 * stand in it.
 */
export const reconcileAndSnapshot: Contest = {
  task: 'reconcile and snapshot',
  kinds: ['people', 'reply', 'previous'],
  contenders: [
    { name: ours, role: 'ours', program: new URL('ours.ts', import.meta.url).pathname },
    rivals.csvParse('snapshot', 'csv-parse + Set'),
    rivals.duckDb('snapshot'),
    rivals.floor(['people', 'reply', 'previous']),
  ],
  judge: (answer) =>
    linesOf(
      filesBelow(answer).filter((file) => file.endsWith('.gz')),
      statusOf,
    ),
  right: ({ right }) => right.snapshot,
};

/** `nhsNumber,status,since,optedOutSince` of a snapshot's line; DuckDB quotes text that is empty. */
function statusOf(line: string): string {
  return line.replaceAll('"', '').split(',', 4).join(',');
}
