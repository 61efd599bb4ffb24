import { expect, it, test } from '@jest/globals';
import { parseTemplate, TemplateResolver } from '../../../local/assembly/template.ts';
import { readRoles } from '../../../local/iam/roles.ts';

const policyOf = (Action: string) => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action, Resource: '*' }],
});
const arnOf = (name: string) => `arn:aws:iam::000000000000:role/${name}`;

function rolesOf(resources: object, ...names: readonly string[]) {
  const template = parseTemplate('stack', JSON.stringify({ Resources: resources }));
  const resolver = new TemplateResolver([template], { account: '000000000000', region: 'eu-west-2' });
  return readRoles(resolver, names.map(arnOf));
}

it('reads what is attached to a role by AWS, inside it and beside it, and nothing of others', () => {
  const basic = { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::aws:policy/service-role/']] };
  const managed = { 'Fn::Join': ['', [basic, 'AWSLambdaBasicExecutionRole']] };
  const roles = rolesOf(
    {
      Mine: {
        Type: 'AWS::IAM::Role',
        Properties: { ManagedPolicyArns: [managed], Policies: [{ PolicyDocument: policyOf('a:Inside') }] },
      },
      Other: { Type: 'AWS::IAM::Role', Properties: { ManagedPolicyArns: ['arn:aws:iam::aws:policy/Unknown'] } },
      Beside: {
        Type: 'AWS::IAM::Policy',
        Properties: { PolicyDocument: policyOf('a:Beside'), Roles: [{ Ref: 'Mine' }] },
      },
      BesideOther: {
        Type: 'AWS::IAM::Policy',
        Properties: { PolicyDocument: policyOf('a:Foreign'), Roles: [{ Ref: 'Other' }] },
      },
    },
    'Mine',
  );
  expect(roles.map(({ name }) => name)).toEqual(['Mine']);
  expect(roles.flatMap(({ statements }) => statements.flatMap(({ actions }) => actions))).toEqual([
    'logs:CreateLogGroup',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'a:Inside',
    'a:Beside',
  ]);
});

test.each([
  ['a managed policy', { ManagedPolicyArns: ['arn:aws:iam::aws:policy/Unknown'] }],
  ['a boundary', { PermissionsBoundary: 'arn:aws:iam::000000000000:policy/boundary' }],
])('%s that it does not know stops it', (_, properties) => {
  expect(() => rolesOf({ Mine: { Type: 'AWS::IAM::Role', Properties: properties } }, 'Mine')).toThrow();
});
