import { Duration, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpIntegrationType,
  HttpRouteIntegration,
  HttpStage,
  LogGroupLogDestination,
  PayloadFormatVersion,
  type HttpRouteIntegrationBindOptions,
  type HttpRouteIntegrationConfig,
  type IHttpRouteAuthorizer,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer, HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Alias } from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Environment } from '../environments/environment.ts';
import { maskedLog, type PipelineLogs } from '../pipeline/pipeline-logs.ts';

export interface NoomApiProps {
  readonly name: string;
  readonly noom: Environment['noom'];
  /** Answers every call. A deployment moves it to the version that it has published, and back where that fails. */
  readonly answers: Alias;
  readonly logs: PipelineLogs;
}

/**
 * What the access log says of each call. Neither path nor query, which hold a Consent's id or an NHS number, nor anything that
 * the caller chose but the method, and the session name in its ARN. Of a token the application that it was issued to, never
 * its subject, who may be a patient. The time as text: ten digits of an epoch would be masked for an NHS number.
 */
const accessLine = {
  requestId: '$context.requestId',
  time: '$context.requestTime',
  routeKey: '$context.routeKey',
  method: '$context.httpMethod',
  status: '$context.status',
  latency: '$context.responseLatency',
  integrationLatency: '$context.integrationLatency',
  responseLength: '$context.responseLength',
  integrationError: '$context.integrationErrorMessage',
};
const callers: Record<Environment['noom']['auth']['kind'], string> = {
  iam: '$context.identity.userArn',
  jwt: '$context.authorizer.claims.client_id',
};

/**
 * The HTTP API in front of the function. Its one route takes every method and path, so that whatever is unknown is refused by
 * the function, in FHIR's words, and no path is let in without the authorizer. It answers no browser: there is no CORS.
 */
export class NoomApi extends Construct {
  readonly stage: HttpStage;
  readonly accessLog: LogGroup;

  constructor(scope: Construct, id: string, { name, noom, answers, logs }: NoomApiProps) {
    super(scope, id);
    const api = new HttpApi(this, 'Http', {
      apiName: `${name}-noom`,
      description: 'Preferences of the National Data Opt-out, of the National Opt-Out Model',
      createDefaultStage: false,
      disableExecuteApiEndpoint: noom.isGatewayUrlClosed ?? false,
      defaultAuthorizer: authorizerOf(noom),
      ...(noom.auth.kind === 'jwt' && noom.auth.scopes ? { defaultAuthorizationScopes: [...noom.auth.scopes] } : {}),
      defaultIntegration: new ToFunction('ToFunction', answers),
    });
    this.accessLog = maskedLog(this, 'AccessLog', logs);
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: noom.ratePerSecond, burstLimit: noom.burst },
      accessLogSettings: {
        destination: new LogGroupLogDestination(this.accessLog),
        format: AccessLogFormat.custom(JSON.stringify({ ...accessLine, caller: callers[noom.auth.kind] })),
      },
    });
  }
}

function authorizerOf({ auth }: Environment['noom']): IHttpRouteAuthorizer {
  switch (auth.kind) {
    case 'iam':
      return new HttpIamAuthorizer();
    case 'jwt':
      return new HttpJwtAuthorizer('Tokens', auth.issuer, { jwtAudience: [...auth.audience] });
  }
}

/** Lets the API call the function, and nothing else of API Gateway's. CDK's own integration takes no alias under strict types. */
class ToFunction extends HttpRouteIntegration {
  readonly #answers: Alias;

  constructor(id: string, answers: Alias) {
    super(id);
    this.#answers = answers;
  }

  override bind(): HttpRouteIntegrationConfig {
    return {
      type: HttpIntegrationType.AWS_PROXY,
      uri: this.#answers.functionArn,
      payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
      // As long as API Gateway may wait; the function gives up before.
      timeout: Duration.seconds(29),
    };
  }

  protected override completeBind({ route, scope }: HttpRouteIntegrationBindOptions): void {
    this.#answers.addPermission('Api', {
      scope,
      principal: new ServicePrincipal('apigateway.amazonaws.com'),
      sourceArn: Stack.of(route).formatArn({
        service: 'execute-api',
        resource: route.httpApi.apiId,
        resourceName: '*/*',
      }),
    });
  }
}
