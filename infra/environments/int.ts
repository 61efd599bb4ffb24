import { defaults } from './defaults.ts';
import { defineEnvironment, meshHosts, ndopMailboxes } from './environment.ts';

/** Integration ("path to live"): where NHS England witnesses the compliance tests. */
export const integration = defineEnvironment({
  ...defaults,
  name: 'int',
  account: '222222222222', // yours
  mesh: {
    baseUrl: meshHosts.integration,
    mailbox: 'RZZ99OT002', // yours
    ndopMailbox: ndopMailboxes.integration,
    network: 'internet',
    lineEnding: 'CRLF',
  },
  cohort: { ...defaults.cohort, nhsNumberRanges: ['test'] },
  fhir: {
    ...defaults.fhir,
    // yours
    baseUrl: 'https://healthlake.eu-west-2.amazonaws.com/datastore/00000000000000000000000000000000/r4/',
    namespace: 'https://fhir.your-organisation.nhs.uk/ndop', // yours
    odsCode: 'RZZ99', // yours
  },
  alarmEmail: 'ndop-alarms@your-organisation.nhs.uk', // yours
});
