import { describe, expect, it, test } from '@jest/globals';
import { grantsOf, type Asked } from '../../../local/iam/evaluate.ts';
import { parsePolicy } from '../../../local/iam/policy.ts';

const policy = (...statements: readonly object[]) => parsePolicy({ Version: '2012-10-17', Statement: statements });
const allow = (Action: string | string[], Resource: string | string[], Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const deny = (Action: string, Resource: string) => ({ Effect: 'Deny', Action, Resource });
const file = 'arn:aws:s3:::files/runs/1/cohort/part.csv';
const read: Asked = { action: 's3:GetObject', resource: file };

test.each([
  ['what no statement names', [], read, false],
  ['what is named', [allow('s3:GetObject', file)], read, true],
  ['another action', [allow('s3:PutObject', file)], read, false],
  ['another resource', [allow('s3:GetObject', `${file}.gz`)], read, false],
  ['one of several actions and resources', [allow(['s3:PutObject', 's3:GetObject'], ['x', file])], read, true],
  ['an action in other letters', [allow('S3:getobject', file)], read, true],
  ['a resource in other letters', [allow('s3:GetObject', file.toUpperCase())], read, false],
  ['an action by the star', [allow('s3:Get*', file)], read, true],
  [
    'a resource by the star, which crosses slashes',
    [allow('s3:GetObject', 'arn:aws:s3:::files/*/part.csv')],
    read,
    true,
  ],
  ['a resource by a question mark', [allow('s3:GetObject', file.replace('part', 'par?'))], read, true],
  ['a question mark for nothing', [allow('s3:GetObject', file.replace('part', 'part?'))], read, false],
  ['a dot that is a dot', [allow('s3:GetObject', 'arn:aws:s3:::files/*/part-csv*')], read, false],
  ['everything but what is denied', [allow('*', '*'), deny('s3:GetObject', file)], read, false],
  ['what is denied elsewhere', [deny('s3:GetObject', 'arn:aws:s3:::others/*'), allow('s3:*', '*')], read, true],
])('allows or refuses %s', (_, statements, asked, isAllowed) => {
  expect(grantsOf(policy(...statements), asked).length > 0).toBe(isAllowed);
});

describe('a condition', () => {
  const passes = (Condition: object, context: NonNullable<Asked['context']>) =>
    grantsOf(policy(allow('a:B', '*', Condition)), { action: 'a:B', resource: 'r', context }).length > 0;
  const role = 'arn:aws:iam::000000000000:role/one';

  test.each([
    ['StringEquals', { 'kms:ViaService': 's3.eu-west-2.amazonaws.com' }, true],
    ['StringEquals', { 'kms:ViaService': 'sns.eu-west-2.amazonaws.com' }, false],
  ])('%s of %j: %s', (operator, context, isMet) => {
    expect(passes({ [operator]: { 'KMS:viaservice': 's3.eu-west-2.amazonaws.com' } }, context)).toBe(isMet);
  });

  it.each([
    ['StringLike', 'exports/*', 'exports/run/', true],
    ['StringLike', 'exports/*', 'imports/run/', false],
    ['StringEquals', 'exports/*', 'exports/run/', false],
    ['ArnEquals', 'arn:aws:iam::*:role/*', role, true],
    ['ArnLike', 'arn:aws:iam::000000000000:role/two', role, false],
    ['ArnLike', 'arn:*:role/one', role, false],
    ['Bool', 'true', 'True', true],
    ['Bool', 'true', 'false', false],
  ])('%s %s of %s: %s', (operator, wanted, actual, isMet) => {
    expect(passes({ [operator]: { key: ['another', wanted] } }, { key: actual })).toBe(isMet);
  });

  it.each([
    ['ForAnyValue:StringEquals', ['next', 'live'], true],
    ['ForAnyValue:StringEquals', ['live'], true],
    ['ForAnyValue:StringEquals', ['next', 'older'], false],
    ['ForAnyValue:StringEquals', [], false],
    ['StringEquals', ['next', 'live'], false],
  ])('%s on a key that has the values %j: %s', (operator, actual, isMet) => {
    expect(
      passes({ [operator]: { 'states:StateMachineQualifier': 'live' } }, { 'states:StateMachineQualifier': actual }),
    ).toBe(isMet);
  });

  it('does not hold where the request has no such key', () => {
    expect(passes({ StringLike: { 's3:prefix': '*' } }, {})).toBe(false);
  });

  it('must hold with all others', () => {
    const both = { StringEquals: { a: '1' }, Bool: { b: 'true' } };
    expect(passes(both, { a: '1', b: 'true' })).toBe(true);
    expect(passes(both, { a: '1', b: 'false' })).toBe(false);
  });
});

test.each([
  ['an operator', allow('a:B', '*', { NumericLessThan: { 's3:max-keys': '10' } })],
  ['an operator with IfExists', allow('a:B', '*', { StringEqualsIfExists: { a: '1' } })],
  ['NotAction', { Effect: 'Allow', NotAction: 'a:B', Resource: '*' }],
  ['NotResource', { Effect: 'Deny', Action: 'a:B', NotResource: '*' }],
  ['a variable', allow('a:B', 'arn:aws:s3:::files/${aws:username}/*')],
])('%s that is not known refuses the whole policy', (_, statement) => {
  expect(() => policy(allow('*', '*'), statement)).toThrow(expect.objectContaining({ name: 'PolicyUnsupported' }));
});
