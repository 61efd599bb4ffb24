import { filesBelow, sortedNumbersOf } from '../answers.ts';
import { ours, rivals, type Contest } from '../contest.ts';

/** Who of the cohort has opted out: everybody who was asked about and is in no reply. */
export const reconcile: Contest = {
  task: 'reconcile',
  kinds: ['cohort', 'reply'],
  contenders: [
    { name: ours, role: 'ours', program: new URL('ours.ts', import.meta.url).pathname },
    rivals.csvParse('reconcile', 'csv-parse + Set'),
    rivals.shell('reconcile', 'sort | comm'),
    rivals.duckDb('reconcile'),
    rivals.floor(['cohort', 'reply']),
  ],
  judge: (answer, kept) => sortedNumbersOf(filesBelow(answer), kept),
  right: ({ right }) => right.optedOut,
};
