import type { APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import type { Call } from './call.ts';
import { clfTime } from './clf-time.ts';

export interface Invoker {
  readonly accessKeyId: string;
  readonly account: string;
  readonly userArn: string;
}

/**
 * What is handed on as text; everything else is base64, also where it says `+json` or `+xml`, and where it says nothing. Not in
 * the documentation, which speaks of binary content types without naming one: seen at AWS by others (ministackorg/ministack#766).
 */
const textTypes = /^(?:text\/.+|application\/(?:json|xml|javascript))$/;

/**
 * A call as the function is given it, in payload format 2.0. Source: "Create AWS Lambda proxy integrations for HTTP APIs in API
 * Gateway", Amazon API Gateway Developer Guide.
 */
export function eventOf(
  call: Call,
  body: Buffer,
  apiId: string,
  { accessKeyId, account, userArn }: Invoker,
): APIGatewayProxyEventV2WithIAMAuthorizer {
  const { requestId, at, method, path, query, protocol, userAgent, sourceIp, headers, cookies } = call;
  const mediaType = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const isText = body.length === 0 || textTypes.test(mediaType);
  const parameters = parametersOf(query);
  const domainName = (headers.host ?? '').replace(/:\d+$/, '');
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    ...(cookies.length > 0 ? { cookies: [...cookies] } : {}),
    headers: { ...headers },
    ...(Object.keys(parameters).length > 0 ? { queryStringParameters: parameters } : {}),
    requestContext: {
      accountId: account,
      apiId,
      authorizer: {
        iam: {
          accessKey: accessKeyId,
          accountId: account,
          callerId: accessKeyId,
          cognitoIdentity: null,
          principalOrgId: 'o-local',
          userArn,
          userId: accessKeyId,
        },
      },
      domainName,
      domainPrefix: domainName.split('.')[0] ?? '',
      http: { method, path, protocol, sourceIp, userAgent },
      requestId,
      routeKey: '$default',
      stage: '$default',
      time: clfTime(at),
      timeEpoch: at.getTime(),
    },
    ...(body.length > 0 ? { body: body.toString(isText ? 'utf8' : 'base64') } : {}),
    isBase64Encoded: !isText,
  };
}

/** Decoded, values of one name joined by commas. */
function parametersOf(query: string): Record<string, string> {
  const parameters = new URLSearchParams(query);
  return Object.fromEntries([...new Set(parameters.keys())].map((name) => [name, parameters.getAll(name).join(',')]));
}
