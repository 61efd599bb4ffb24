import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/** Answers one call of the NOOM API. */
export const handler = (): Promise<APIGatewayProxyStructuredResultV2> =>
  Promise.resolve({
    statusCode: 501,
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'not-supported', diagnostics: 'Not there yet' }],
    }),
  });
