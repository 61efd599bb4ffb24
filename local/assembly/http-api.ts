import { z } from 'zod';
import { TemplateUnsupported, type Place, type TemplateResolver } from './template.ts';

/** An HTTP API of API Gateway that lets IAM principals in and hands every call to one function. */
export interface DeployedHttpApi {
  readonly id: string;
  /** That IAM decides by; stage, method and path come behind it. */
  readonly arn: string;
  readonly functionArn: string;
  readonly timeoutMilliseconds: number;
  readonly ratePerSecond: number;
  readonly burst: number;
  readonly accessLog: { readonly group: string; readonly format: string };
}

/** Whatever a template says beyond this would not be imitated: it is refused. */
const api = z.strictObject({
  Description: z.string().optional(),
  DisableExecuteApiEndpoint: z.literal(false),
  Name: z.string(),
  ProtocolType: z.literal('HTTP'),
});
const route = z.strictObject({
  ApiId: z.string(),
  AuthorizationType: z.literal('AWS_IAM'),
  RouteKey: z.literal('$default'),
  Target: z.string(),
});
const integration = z.strictObject({
  ApiId: z.string(),
  IntegrationType: z.literal('AWS_PROXY'),
  IntegrationUri: z.string(),
  PayloadFormatVersion: z.literal('2.0'),
  TimeoutInMillis: z.number(),
});
const stage = z.strictObject({
  AccessLogSettings: z.strictObject({ DestinationArn: z.string(), Format: z.string() }),
  ApiId: z.string(),
  AutoDeploy: z.literal(true),
  DefaultRouteSettings: z.strictObject({ ThrottlingBurstLimit: z.number(), ThrottlingRateLimit: z.number() }),
  StageName: z.literal('$default'),
});

/**
 * The HTTP API that the stacks deploy, if any.
 *
 * @throws TemplateUnsupported where it has more than the stand-in imitates
 */
export function readHttpApi(resolver: TemplateResolver, { account, region }: Place): DeployedHttpApi | undefined {
  const ids = resolver.resources('AWS::ApiGatewayV2::Api').map(({ name }) => name);
  if (ids.length === 0) return undefined;
  const one = <Shape>(kind: string, shape: z.ZodType<Shape>): Shape => {
    const found = resolver.resources(`AWS::ApiGatewayV2::${kind}`).map(({ properties }) => properties);
    const parsed = z.tuple([shape]).safeParse(found);
    if (parsed.success) return parsed.data[0];
    throw new TemplateUnsupported(`The local HTTP API knows no such ${kind}: ${z.prettifyError(parsed.error)}`);
  };
  one('Api', api);
  one('Route', route);
  const { IntegrationUri, TimeoutInMillis } = one('Integration', integration);
  const { AccessLogSettings, DefaultRouteSettings } = one('Stage', stage);
  const [id = ''] = ids;
  return {
    id,
    arn: `arn:aws:execute-api:${region}:${account}:${id}`,
    functionArn: IntegrationUri,
    timeoutMilliseconds: TimeoutInMillis,
    ratePerSecond: DefaultRouteSettings.ThrottlingRateLimit,
    burst: DefaultRouteSettings.ThrottlingBurstLimit,
    accessLog: { group: AccessLogSettings.DestinationArn.split(':')[6] ?? '', format: AccessLogSettings.Format },
  };
}
