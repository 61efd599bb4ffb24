/** A state of a resolved definition, as far as the checks and no further: what Step Functions itself reads. */
export interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly TimeoutSeconds?: number | string;
  readonly Arguments?: unknown;
  readonly Assign?: Assignments;
  readonly Retry?: readonly { readonly ErrorEquals: readonly string[] }[];
  readonly Catch?: readonly {
    readonly ErrorEquals: readonly string[];
    readonly Next: string;
    readonly Assign?: Assignments;
  }[];
  readonly Choices?: readonly { readonly Condition: unknown; readonly Next: string; readonly Assign?: Assignments }[];
  readonly ItemProcessor?: States;
}

type Assignments = Readonly<Record<string, unknown>>;

export interface States {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

/** A way from one state to another, and what is assigned on it. */
export interface Way {
  readonly to: string;
  readonly assigned: readonly string[];
  /** Of a Choice: what was found to hold. */
  readonly condition?: unknown;
}

export function waysFrom({ Next, Default, Assign, Catch = [], Choices = [] }: State): Way[] {
  const way = (to: string, assign: Assignments = {}): Way => ({ to, assigned: Object.keys(assign) });
  return [
    ...[Next, Default].flatMap((to) => (to === undefined ? [] : [way(to, Assign)])),
    ...Catch.map((caught) => way(caught.Next, caught.Assign)),
    ...Choices.map((choice) => ({ ...way(choice.Next, choice.Assign), condition: choice.Condition })),
  ];
}

/** Every state, those inside of a Map too. */
export function statesOf({ States: states }: States): [name: string, state: State][] {
  return Object.entries(states).flatMap(([name, state]): [string, State][] => [
    [name, state],
    ...(state.ItemProcessor ? statesOf(state.ItemProcessor) : []),
  ]);
}
