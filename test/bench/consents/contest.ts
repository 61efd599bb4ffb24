import { filesBelow, linesOf } from '../answers.ts';
import { ours, rivals, type Contest } from '../contest.ts';
import { present } from '../read.ts';

interface Consent {
  readonly id: string;
  readonly status: string;
  readonly patient: { readonly reference: string };
  readonly dateTime: string;
  readonly provision: { readonly period?: { readonly start: string } };
}

/** The Consents of a change file, an id derived for each person. */
export const consentGeneration: Contest = {
  task: 'Consent generation',
  kinds: ['changes'],
  rows: ({ files }) => present(files.changes).rows,
  contenders: [
    { name: ours, role: 'ours', program: new URL('ours.ts', import.meta.url).pathname },
    rivals.uuid(),
    rivals.floor(['changes']),
  ],
  judge: judgeConsents,
  right: ({ files }) =>
    linesOf([present(files.changes).path], (line) => {
      const [, , status = '', since = '', optedOutSince = '', patientId = ''] = line.split(',');
      return [patientId, status, since, optedOutSince].join(',');
    }),
};

/** Ids differ from contender to contender, and must from person to person. */
async function judgeConsents(answer: string): Promise<string> {
  const ids = new Set<string>();
  let rows = 0;
  const sha256 = await linesOf(filesBelow(answer), (line) => {
    const { id, status, patient, dateTime, provision } = JSON.parse(line) as Consent;
    ids.add(id);
    rows += 1;
    return [patient.reference.replace('Patient/', ''), status, dateTime, provision.period?.start ?? ''].join(',');
  });
  if (ids.size !== rows) throw new Error(`${rows} Consents share ${ids.size} ids`);
  return sha256;
}
