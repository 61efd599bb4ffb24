import { bytesOf, filesBelow } from '../answers.ts';
import { ours, rivals, type Contest } from '../contest.ts';

/** The cohort sorted by NHS number, out of one CSV file in random order with a patient id a person. */
export const cohortBuild = (partRows: number): Contest => ({
  task: 'cohort build',
  kinds: ['cohort-csv'],
  contenders: [
    {
      ...{ name: ours, role: 'ours', program: new URL('ours.ts', import.meta.url).pathname },
      args: [String(partRows)],
    },
    rivals.csvParse('build', 'csv-parse + Map'),
    rivals.shell('build', 'sort -u'),
    rivals.duckDb('build'),
    rivals.floor(['cohort-csv']),
  ],
  judge: (answer) => bytesOf(filesBelow(answer)),
  right: ({ right }) => right.people,
});
