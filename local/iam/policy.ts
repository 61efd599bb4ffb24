import { z } from 'zod';

/** A policy says something that the evaluator does not know: to pass over it would be to allow or deny by guess. */
export class PolicyUnsupported extends Error {
  override readonly name = 'PolicyUnsupported';
}

/** The condition operators that are known. Source: "IAM JSON policy elements: Condition operators", IAM User Guide. */
export const conditionOperators = [
  'StringEquals',
  'ForAnyValue:StringEquals',
  'StringLike',
  'ArnEquals',
  'ArnLike',
  'Bool',
] as const;

export interface Condition {
  readonly operator: (typeof conditionOperators)[number];
  /** In small letters: condition keys are not case-sensitive. */
  readonly key: string;
  readonly values: readonly string[];
}

/** One statement of a policy of an identity. */
export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: readonly Condition[];
}

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

/** `NotAction`, `NotResource` and whatever else is not named are refused. */
const policyDocument = z.strictObject({
  Version: z.literal('2012-10-17'),
  Statement: z.array(
    z.strictObject({
      Sid: z.string().optional(),
      Effect: z.enum(['Allow', 'Deny']),
      Action: oneOrMore,
      Resource: oneOrMore,
      Condition: z.record(z.string(), z.record(z.string(), oneOrMore)).default({}),
    }),
  ),
});

/** @throws PolicyUnsupported */
export function parsePolicy(document: unknown): Statement[] {
  const { data, error } = policyDocument.safeParse(document);
  if (error) throw new PolicyUnsupported(z.prettifyError(error));
  // Variables such as ${aws:username} would be taken for plain text.
  if (JSON.stringify(data).includes('${')) throw new PolicyUnsupported('Policy variables are not known');
  return data.Statement.map(({ Effect, Action, Resource, Condition }) => ({
    effect: Effect,
    actions: Action,
    resources: Resource,
    conditions: Object.entries(Condition).flatMap(([name, keys]) =>
      Object.entries(keys).map(([key, values]) => ({ operator: operatorOf(name), key: key.toLowerCase(), values })),
    ),
  }));
}

function operatorOf(name: string): Condition['operator'] {
  const operator = conditionOperators.find((known) => known === name);
  if (operator === undefined) throw new PolicyUnsupported(`The condition operator ${name} is not known`);
  return operator;
}
