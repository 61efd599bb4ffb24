import { defaults } from './defaults.ts';
import { defineEnvironment, meshHosts, ndopMailboxes } from './environment.ts';

/** Live: real people. Values marked "yours" come from NHS England or your own organisation. */
export const prod = defineEnvironment({
  ...defaults,
  name: 'prod',
  account: '333333333333', // yours
  mesh: {
    baseUrl: meshHosts.live,
    mailbox: 'RZZ99HC001', // yours
    ndopMailbox: ndopMailboxes.live,
    network: 'internet',
    lineEnding: 'CRLF',
  },
  cohort: { ...defaults.cohort, nhsNumberRanges: ['england-wales-isle-of-man'] },
  fhir: {
    ...defaults.fhir,
    // yours
    baseUrl: 'https://healthlake.eu-west-2.amazonaws.com/datastore/00000000000000000000000000000000/r4/',
    namespace: 'https://fhir.your-organisation.nhs.uk/ndop', // yours
    odsCode: 'RZZ99', // yours
  },
  alarmEmail: 'ndop-alarms@your-organisation.nhs.uk', // yours
  // Enable it once the sign-off is written down and a dry run has been looked at.
  schedule: { ...defaults.schedule, enabled: false },
});
