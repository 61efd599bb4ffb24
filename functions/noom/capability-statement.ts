import { ndopProfile } from '../../shared/noom/vocabulary.ts';

/** When what it says last changed. */
const date = '2026-11-27';

/** What the API does, and nothing that it does not. */
export function capabilityStatement(baseUrl: string): object {
  return {
    resourceType: 'CapabilityStatement',
    name: 'NOOM',
    title: 'National Data Opt-out preferences',
    status: 'active',
    date,
    description: 'Registers, retrieves and updates the preferences of patients about their confidential information.',
    kind: 'instance',
    software: { name: 'NDOP consent pipeline' },
    implementation: { description: 'Preferences of one data platform', url: baseUrl },
    fhirVersion: '3.0.1',
    acceptUnknown: 'no',
    format: ['application/fhir+json', 'application/fhir+xml'],
    rest: [
      {
        mode: 'server',
        security: {
          cors: false,
          description: 'Requests are signed for AWS IAM, or carry a JWT, as the deployment has it.',
        },
        resource: [
          {
            type: 'Consent',
            profile: { reference: ndopProfile },
            documentation:
              'One Consent for each preference (HRESCH, HOPERAT), or one for both in the profile, by meta.profile and _profile. active means opted out. An update needs If-Match.',
            interaction: ['create', 'read', 'vread', 'update', 'history-instance', 'history-type', 'search-type'].map(
              (code) => ({ code }),
            ),
            versioning: 'versioned-update',
            readHistory: true,
            updateCreate: false,
            conditionalCreate: false,
            conditionalRead: 'not-supported',
            conditionalUpdate: false,
            conditionalDelete: 'not-supported',
            searchParam: [
              { name: '_id', type: 'token' },
              { name: '_profile', type: 'uri', documentation: 'The profile, for the design of one Consent a patient' },
              { name: 'patient', type: 'reference', documentation: 'A reference, Patient/<NHS number>, or the number' },
              { name: 'patient.identifier', type: 'token' },
              { name: 'purpose', type: 'token' },
              { name: 'status', type: 'token' },
            ],
          },
        ],
      },
    ],
  };
}
