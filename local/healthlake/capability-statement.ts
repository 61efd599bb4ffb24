import { storedTypes, type FhirResource } from './fhir.ts';

const interactions = (...codes: string[]) => codes.map((code) => ({ code }));

/** What this stand-in does, for `GET metadata`. */
export const capabilityStatement: FhirResource = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-01-01',
  kind: 'instance',
  implementation: { description: 'Local stand-in for AWS HealthLake' },
  fhirVersion: '4.0.1',
  format: ['json'],
  rest: [
    {
      mode: 'server',
      resource: storedTypes.map((type) => ({
        type,
        interaction: interactions(
          'read',
          'vread',
          'history-instance',
          'create',
          ...(type === 'AuditEvent' ? [] : ['update', 'delete']),
          'search-type',
        ),
        versioning: 'versioned',
        updateCreate: type !== 'AuditEvent',
      })),
      interaction: interactions('batch'),
    },
  ],
};
