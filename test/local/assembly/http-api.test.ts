import { describe, expect, it, test } from '@jest/globals';
import { readHttpApi } from '../../../local/assembly/http-api.ts';
import { parseTemplate, TemplateResolver } from '../../../local/assembly/template.ts';

const place = { account: '000000000000', region: 'eu-west-2' };
const deployed = {
  Api: {
    Type: 'AWS::ApiGatewayV2::Api',
    Properties: { DisableExecuteApiEndpoint: false, Name: 'n', ProtocolType: 'HTTP' },
  },
  Route: {
    Type: 'AWS::ApiGatewayV2::Route',
    Properties: {
      ApiId: { Ref: 'Api' },
      AuthorizationType: 'AWS_IAM',
      RouteKey: '$default',
      Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
    },
  },
  Integration: {
    Type: 'AWS::ApiGatewayV2::Integration',
    Properties: {
      ApiId: { Ref: 'Api' },
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: { Ref: 'Live' },
      PayloadFormatVersion: '2.0',
      TimeoutInMillis: 29_000,
    },
  },
  Stage: {
    Type: 'AWS::ApiGatewayV2::Stage',
    Properties: {
      AccessLogSettings: { DestinationArn: { 'Fn::GetAtt': ['Log', 'Arn'] }, Format: '$context.requestId' },
      ApiId: { Ref: 'Api' },
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingBurstLimit: 100, ThrottlingRateLimit: 50 },
      StageName: '$default',
    },
  },
  Log: { Type: 'AWS::Logs::LogGroup' },
  Function: { Type: 'AWS::Lambda::Function' },
  Live: { Type: 'AWS::Lambda::Alias', Properties: { FunctionName: { Ref: 'Function' }, Name: 'live' } },
};

function read(resources: object) {
  const stack = parseTemplate('local-noom', JSON.stringify({ Resources: resources }));
  return readHttpApi(new TemplateResolver([stack], place), place);
}

const changed = (name: keyof typeof deployed, properties: object) => {
  const { Type, ...rest } = deployed[name];
  const before = 'Properties' in rest ? rest.Properties : {};
  return { ...deployed, [name]: { Type, Properties: { ...before, ...properties } } };
};

describe('the HTTP API of a deployment', () => {
  it('is read from its templates', () => {
    expect(read(deployed)).toEqual({
      id: 'Api',
      arn: 'arn:aws:execute-api:eu-west-2:000000000000:Api',
      functionArn: 'arn:aws:lambda:eu-west-2:000000000000:function:Function:live',
      timeoutMilliseconds: 29_000,
      ratePerSecond: 50,
      burst: 100,
      accessLog: { group: 'Log', format: '$context.requestId' },
    });
  });

  it('is nothing where none is deployed', () => {
    expect(read({ Log: deployed.Log })).toBeUndefined();
  });

  test.each([
    { what: 'is open to everybody', resources: changed('Route', { AuthorizationType: 'NONE' }) },
    { what: 'takes tokens', resources: changed('Route', { AuthorizationType: 'JWT', AuthorizerId: '1' }) },
    { what: 'has a route of another kind', resources: changed('Route', { RouteKey: 'GET /Consent' }) },
    { what: 'has a second route', resources: { ...deployed, Other: deployed.Route } },
    { what: 'answers browsers', resources: changed('Api', { CorsConfiguration: { AllowOrigins: ['*'] } }) },
    { what: 'is closed at its own address', resources: changed('Api', { DisableExecuteApiEndpoint: true }) },
    { what: 'has another payload format', resources: changed('Integration', { PayloadFormatVersion: '1.0' }) },
    { what: 'has a setting for one route', resources: changed('Stage', { RouteSettings: {} }) },
  ])('is refused where it $what', ({ resources }) => {
    expect(() => read(resources)).toThrow('The local HTTP API knows no such');
  });
});
