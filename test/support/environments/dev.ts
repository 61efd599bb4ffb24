import { defaults } from '../../../infra/environments/defaults.ts';
import { defineEnvironment, meshHosts, ndopMailboxes } from '../../../infra/environments/environment.ts';

/** Development as it came: a team that fills in its own files has tests that do not change with them. */
export const dev = defineEnvironment({
  ...defaults,
  name: 'dev',
  account: '111111111111',
  mesh: {
    baseUrl: meshHosts.integration,
    mailbox: 'RZZ99OT001',
    ndopMailbox: ndopMailboxes.integration,
    network: 'internet',
    lineEnding: 'CRLF',
  },
  cohort: { ...defaults.cohort, nhsNumberRanges: ['test'] },
  fhir: {
    ...defaults.fhir,

    baseUrl: 'https://healthlake.eu-west-2.amazonaws.com/datastore/00000000000000000000000000000000/r4/',
    namespace: 'https://fhir.your-organisation.nhs.uk/ndop',
    odsCode: 'RZZ99',
  },
  alarmEmail: 'ndop-alarms@your-organisation.nhs.uk',
});
