import { defaults } from './defaults.ts';
import { defineEnvironment, ndopMailboxes } from './environment.ts';

/** A laptop: the runner puts the stand-ins' addresses in place of the base URLs. */
export const local = defineEnvironment({
  ...defaults,
  name: 'local',
  account: '000000000000',
  mesh: {
    baseUrl: 'http://127.0.0.1',
    mailbox: 'RZZ99OT001',
    ndopMailbox: ndopMailboxes.integration,
    network: 'internet',
    lineEnding: 'CRLF',
  },
  cohort: { ...defaults.cohort, nhsNumberRanges: ['england-wales-isle-of-man', 'test'] },
  plausibility: { ...defaults.plausibility, maxOptOutPercent: 25 },
  fhir: {
    ...defaults.fhir,
    baseUrl: 'http://127.0.0.1/',
    namespace: 'https://fhir.example.nhs.uk/ndop',
    odsCode: 'RZZ99',
  },
  noom: { ...defaults.noom, enabled: true },
});
