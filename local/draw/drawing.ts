import type { State, States } from '../step-functions/definition.ts';

/**
 * A state machine as Mermaid: each state by its kind, each way with what is asked on it, the inside of a Map in a box.
 * The way that errors take from nearly everywhere would hide all others: it is left out, and `otherErrors` names its end.
 */
export function drawing(states: States): string {
  return ['flowchart TD', ...linesOf(states, '', '  ', otherErrors(states)), ...kinds].join('\n');
}

/** The state that most last Catches lead to, where there is more than one. */
export function otherErrors({ States: states }: States): string | undefined {
  const counts = new Map<string, number>();
  for (const state of Object.values(states)) {
    for (const { to, says } of waysOf(state)) if (says === anyError) counts.set(to, (counts.get(to) ?? 0) + 1);
  }
  const [most] = [...counts].sort(([, one], [, other]) => other - one);
  return most !== undefined && most[1] > 1 ? most[0] : undefined;
}

const anyError = 'any error';

/** How kinds look that have the same shape as others. */
const kinds = ['  classDef fail stroke-dasharray: 4 4', '  classDef wait fill:#f6f1dd,stroke:#b59b3b,color:#000'];

function linesOf(states: States, scope: string, indent: string, leftOut?: string): string[] {
  const names = Object.keys(states.States);
  const idOf = (name: string) => `${scope}s${names.indexOf(name)}`;
  return Object.entries(states.States).flatMap(([name, state]) => {
    const id = idOf(name);
    const inside =
      state.Type === 'Map'
        ? [
            `${indent}subgraph ${id}["Map: ${textOf(name)}<br/>each of ${itemsOf(state.Items)}"]`,
            `${indent}  ${id}in((start)) --> ${id}s${Object.keys(state.ItemProcessor.States).indexOf(state.ItemProcessor.StartAt)}`,
            ...linesOf(state.ItemProcessor, id, `${indent}  `),
            `${indent}end`,
          ]
        : [`${indent}${id}${shapeOf(name, state)}`];
    const drawn = waysOf(state).filter(({ to, says }) => says !== anyError || to !== leftOut);
    return [...inside, ...drawn.map(({ to, says, isFault }) => `${indent}${id} ${arrow(says, isFault)} ${idOf(to)}`)];
  });
}

function shapeOf(name: string, state: State): string {
  const text = textOf(name);
  switch (state.Type) {
    case 'Choice':
      return `{"${text}"}`;
    case 'Wait':
      return `[/"Wait: ${text}"/]:::wait`;
    case 'Succeed':
      return `(["Succeed: ${text}"])`;
    case 'Fail':
      return `(["Fail: ${text}"]):::fail`;
    case 'Pass':
      return `["Pass: ${text}"]`;
    case 'Task':
    case 'Map':
      return `["${state.Type}: ${text}"]`;
  }
}

interface Way {
  readonly to: string;
  readonly says: string;
  readonly isFault: boolean;
}

function waysOf(state: State): Way[] {
  if (state.Type === 'Choice') {
    const otherwise = state.Default === undefined ? [] : [{ to: state.Default, says: 'otherwise', isFault: false }];
    return [
      ...state.Choices.map(({ Next, Condition }) => ({ to: Next, says: shortened(String(Condition)), isFault: false })),
      ...otherwise,
    ];
  }
  const next = 'Next' in state && state.Next !== undefined ? [{ to: state.Next, says: '', isFault: false }] : [];
  const caught = 'Catch' in state ? state.Catch : [];
  return [
    ...next,
    ...caught.map(({ Next, ErrorEquals }) => ({ to: Next, says: errorsOf(ErrorEquals), isFault: true })),
  ];
}

function arrow(says: string, isFault: boolean): string {
  const line = isFault ? '-.->' : '-->';
  return says === '' ? line : `${line}|"${textOf(says)}"|`;
}

function errorsOf(names: readonly string[]): string {
  if (names.includes('States.ALL')) return anyError;
  return names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ');
}

/** What is asked, without the marks of an expression. */
function shortened(expression: string): string {
  const text = bare(expression);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function itemsOf(items: unknown): string {
  return typeof items === 'string' ? textOf(shortened(items)) : 'its input';
}

function bare(expression: string): string {
  return expression.replace(/^\{%\s*|\s*%\}$/g, '').replaceAll('$', '');
}

/** Mermaid ends a text at a quotation mark, and takes marks of its own in it. */
function textOf(text: string): string {
  return text.replaceAll('"', "'").replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
