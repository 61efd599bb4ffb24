import { z } from 'zod';
import type { TemplateResolver } from '../assembly/template.ts';
import { parsePolicy, PolicyUnsupported, type Statement } from './policy.ts';

/** A role as the templates have it, with all that its policies say. */
export interface Role {
  readonly name: string;
  readonly arn: string;
  readonly statements: readonly Statement[];
}

const roleProperties = z.looseObject({
  ManagedPolicyArns: z.array(z.string()).default([]),
  Policies: z.array(z.looseObject({ PolicyDocument: z.unknown() })).default([]),
  PermissionsBoundary: z.undefined().optional(),
});
const policyProperties = z.looseObject({ PolicyDocument: z.unknown(), Roles: z.array(z.string()) });

/** What AWS's own policies say, by their ARN. Source: AWS Managed Policy Reference Guide. */
const managedPolicies: Readonly<Record<string, readonly Statement[]>> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': [
    {
      effect: 'Allow',
      actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: ['*'],
      conditions: [],
    },
  ],
};

/**
 * Reads roles of the templates with their policies. Policies of resources (bucket, key, topic) are not read: within
 * an account what the role's own policies allow is enough, and ours only deny what is not encrypted on its way.
 *
 * @throws PolicyUnsupported
 */
export function readRoles(resolver: TemplateResolver, arns: readonly string[]): Role[] {
  const attached = resolver.resources('AWS::IAM::Policy').map(({ properties }) => policyProperties.parse(properties));
  const roles = resolver.resources('AWS::IAM::Role').filter(({ arn }) => arns.includes(arn));
  return roles.map(({ name, arn, properties }) => {
    const { ManagedPolicyArns, Policies } = roleProperties.parse(properties);
    const documents = [...Policies, ...attached.filter(({ Roles }) => Roles.includes(name))];
    return {
      name,
      arn,
      statements: [
        ...ManagedPolicyArns.flatMap(managedPolicy),
        ...documents.flatMap(({ PolicyDocument }) => parsePolicy(PolicyDocument)),
      ],
    };
  });
}

function managedPolicy(arn: string): readonly Statement[] {
  const statements = managedPolicies[arn];
  if (!statements) throw new PolicyUnsupported(`The managed policy ${arn} is not known`);
  return statements;
}
