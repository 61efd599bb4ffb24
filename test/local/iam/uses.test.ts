import { expect, it, test } from '@jest/globals';
import type { Asked } from '../../../local/iam/evaluate.ts';
import { grantsOf } from '../../../local/iam/evaluate.ts';
import { parsePolicy } from '../../../local/iam/policy.ts';
import { findingsOf } from '../../../local/least-privilege/findings.ts';
import { Uses } from '../../../local/least-privilege/uses.ts';

const allow = (Action: string[], Resource: string[]) => ({ Effect: 'Allow', Action, Resource });
const read: Asked = { action: 's3:GetObject', resource: 'a/1' };
const write: Asked = { action: 's3:PutObject', resource: 'b/1' };

const names = { role: () => 'step', resource: (resource: string) => resource };

function record(statements: readonly object[], ...asked: readonly Asked[]) {
  const role = {
    name: 'Role',
    arn: 'arn',
    statements: parsePolicy({ Version: '2012-10-17', Statement: statements }),
  };
  const uses = new Uses();
  for (const each of asked) uses.record({ ...each, role, grants: grantsOf(role.statements, each) });
  return { uses, found: uses.of([role]) };
}

test.each([
  ['nothing where each is used', [allow(['s3:GetObject'], ['a/*'])], [read], []],
  [
    'an action that nothing used',
    [allow(['s3:GetObject', 's3:PutObject'], ['a/*'])],
    [read],
    ['step needs no s3:PutObject on a/*'],
  ],
  ['a resource that nothing used', [allow(['s3:GetObject'], ['a/*', 'c/*'])], [read], ['step needs nothing on c/*']],
  [
    'two statements that allow the same, since either can go',
    [allow(['s3:GetObject'], ['a/*']), allow(['s3:Get*'], ['*'])],
    [read],
    ['step needs no s3:GetObject on a/*', 'step needs no s3:Get* on *'],
  ],
  ['a whole statement once', [allow(['s3:GetObject'], ['a/*', 'b/*'])], [], ['step needs no s3:GetObject on a/*, b/*']],
])('finds %s', (_, statements, asked, findings) => {
  expect(findingsOf(record(statements, ...asked).found, names)).toEqual(findings);
});

it('keeps what was refused', () => {
  const { uses } = record([allow(['s3:GetObject'], ['a/*'])], read, write, write);
  expect(uses.refused.map(({ action }) => action)).toEqual(['s3:PutObject']);
});
