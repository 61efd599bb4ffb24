import { defaults } from '../../../infra/environments/defaults.ts';
import { defineEnvironment, meshHosts, ndopMailboxes } from '../../../infra/environments/environment.ts';

/** Production as it came: a team that fills in its own files has tests that do not change with them. */
export const prod = defineEnvironment({
  ...defaults,
  name: 'prod',
  account: '333333333333',
  mesh: {
    baseUrl: meshHosts.live,
    mailbox: 'RZZ99HC001',
    ndopMailbox: ndopMailboxes.live,
    network: 'internet',
    lineEnding: 'CRLF',
  },
  cohort: { ...defaults.cohort, nhsNumberRanges: ['england-wales-isle-of-man'] },
  fhir: {
    ...defaults.fhir,

    baseUrl: 'https://healthlake.eu-west-2.amazonaws.com/datastore/00000000000000000000000000000000/r4/',
    namespace: 'https://fhir.your-organisation.nhs.uk/ndop',
    odsCode: 'RZZ99',
  },
  alarmEmail: 'ndop-alarms@your-organisation.nhs.uk',
  schedule: { ...defaults.schedule, enabled: false },
});
