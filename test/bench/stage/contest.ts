import { filesBelow, sortedNumbersOf } from '../answers.ts';
import { ours, rivals, type Contest } from '../contest.ts';

/** The request files of all parts: ten digits, a comma and CR LF a person. */
export const stage: Contest = {
  task: 'stage',
  kinds: ['cohort'],
  contenders: [
    { name: ours, role: 'ours', program: new URL('ours.ts', import.meta.url).pathname },
    rivals.csvParse('stage', 'csv-parse', false),
    rivals.shell('stage', 'sed'),
    rivals.floor(['cohort']),
  ],
  judge: (answer, kept) => sortedNumbersOf(filesBelow(answer), kept),
  right: ({ right }) => right.numbers,
};
