import type { Condition, Statement } from './policy.ts';

type Context = Readonly<Record<string, string | readonly string[]>>;

/** What somebody wants to do, as a service asks IAM about it. */
export interface Asked {
  /** As a policy names it, e.g. `s3:GetObject`. */
  readonly action: string;
  /** ARN. */
  readonly resource: string;
  /** Values of condition keys, some of which may have several. */
  readonly context?: Context;
}

/** What in a policy allows something: the statement, and the action and the resource in it that match. */
export interface Grant {
  readonly statement: Statement;
  readonly action: string;
  readonly resource: string;
}

/**
 * Everything in an identity's policies that allows what is asked; nothing where any statement denies it, and nothing
 * where none allows it. Source: "Policy evaluation logic", IAM User Guide.
 */
export function grantsOf(statements: readonly Statement[], asked: Asked): Grant[] {
  const matching = statements.filter(({ conditions }) => conditions.every((each) => holds(each, asked.context ?? {})));
  const matches = matching.flatMap((statement) =>
    statement.actions
      .filter((action) => isLike(asked.action.toLowerCase(), action.toLowerCase()))
      .flatMap((action) =>
        statement.resources
          .filter((resource) => isLike(asked.resource, resource))
          .map((resource) => ({ statement, action, resource })),
      ),
  );
  return matches.some(({ statement }) => statement.effect === 'Deny') ? [] : matches;
}

/** A condition on a key that the request does not have does not hold; nor one for single values on a key that has several. */
function holds({ operator, key, values }: Condition, context: Context): boolean {
  const actual = [Object.entries(context).find(([name]) => name.toLowerCase() === key)?.[1] ?? []].flat();
  if (actual.length > 1 && operator !== 'ForAnyValue:StringEquals') return false;
  return actual.some((each) => values.some((value) => compare(operator, each, value)));
}

function compare(operator: Condition['operator'], actual: string, value: string): boolean {
  switch (operator) {
    case 'StringEquals':
    case 'ForAnyValue:StringEquals':
      return actual === value;
    case 'StringLike':
      return isLike(actual, value);
    case 'ArnEquals':
    case 'ArnLike':
      return isArnLike(actual, value);
    case 'Bool':
      return actual.toLowerCase() === value.toLowerCase();
  }
}

/** Each of the six parts of an ARN is compared by itself. */
function isArnLike(arn: string, pattern: string): boolean {
  const [parts, patterns] = [arn, pattern].map((text) => [
    ...text.split(':').slice(0, 5),
    text.split(':').slice(5).join(':'),
  ]);
  return patterns?.length === parts?.length && (patterns ?? []).every((each, at) => isLike(parts?.[at] ?? '', each));
}

const expressions = new Map<string, RegExp>();

/** `*` stands for any text, `?` for one character. */
function isLike(text: string, pattern: string): boolean {
  if (!/[*?]/.test(pattern)) return text === pattern;
  let expression = expressions.get(pattern);
  if (!expression) {
    const source = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    expression = new RegExp(`^${source}$`, 's');
    expressions.set(pattern, expression);
  }
  return expression.test(text);
}
