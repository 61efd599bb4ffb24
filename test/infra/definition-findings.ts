import aslValidator from 'asl-validator';
import { permanent, retryable } from '../../shared/errors.ts';
import { existsIn, expressionsIn, isFunction, referencesOf } from './definition-expressions.ts';
import { statesOf, waysFrom, type State, type States } from './definition-shape.ts';

/** Everything that is wrong with a resolved definition, a sentence each. */
export async function findingsIn(definition: States): Promise<string[]> {
  const { errors } = aslValidator(definition);
  // What cannot be read cannot be judged.
  if (errors.length > 0) return errors.map((error) => `asl-validator: ${JSON.stringify(error)}`);
  return [
    ...(await nameFindings(definition)),
    ...scopeFindings(definition, new Set(), new Set()),
    ...statesOf(definition).flatMap(([name, state]) => [
      ...(state.Type === 'Task' ? taskFindings(name, state) : []),
      ...errorNameFindings(name, state),
      ...personFindings(name, state),
    ]),
  ];
}

/** Variables that are assigned, by a name or its namesake inside of a Map. */
function assignedIn(states: readonly State[]): string[] {
  return states.flatMap((state) => [
    ...Object.keys(state.Assign ?? {}),
    ...waysFrom(state).flatMap(({ assigned }) => assigned),
  ]);
}

/** A variable by the name of a function is that function wherever it is not assigned, and exists always. */
async function nameFindings(definition: States): Promise<string[]> {
  const states = statesOf(definition);
  const findings: string[] = [];
  for (const name of new Set(assignedIn(states.map(([, state]) => state)))) {
    if (await isFunction(name)) findings.push(`The variable $${name} has the name of a function`);
  }
  for (const [name, state] of states) {
    for (const expression of ownExpressions(state)) {
      const { variables, guarded, called } = referencesOf(expression);
      for (const read of [...variables, ...guarded]) {
        if (await isFunction(read)) findings.push(`${name}: takes the function $${read} for a variable`);
      }
      for (const function_ of called) {
        if (!(await isFunction(function_))) findings.push(`${name}: calls $${function_}, which is no function`);
      }
    }
  }
  return findings;
}

/** The expressions of a state, without those of the states inside of it. */
function ownExpressions(state: State): string[] {
  return expressionsIn({ ...state, ItemProcessor: undefined });
}

/**
 * Follows the variables of one scope along every way: which are assigned whichever way was taken, and which on any way.
 * Inside of a Map, the variables outside of it are read and never assigned.
 */
function scopeFindings(
  { StartAt, States: states }: States,
  outerAlways: ReadonlySet<string>,
  outerEver: ReadonlySet<string>,
): string[] {
  const always = new Map([[StartAt, new Set(outerAlways)]]);
  const ever = new Map([[StartAt, new Set(outerEver)]]);
  const toVisit = [StartAt];
  for (let name = toVisit.pop(); name !== undefined; name = toVisit.pop()) {
    const state = states[name];
    if (!state) continue;
    for (const { to, assigned, condition } of waysFrom(state)) {
      const sure = new Set([...(always.get(name) ?? []), ...assigned, ...existsIn(condition)]);
      const possible = new Set([...(ever.get(name) ?? []), ...assigned]);
      const [before, possibleBefore] = [always.get(to), ever.get(to)];
      const both = before ? common(before, sure) : sure;
      const either = new Set([...(possibleBefore ?? []), ...possible]);
      if (both.size === before?.size && either.size === possibleBefore?.size) continue;
      always.set(to, both);
      ever.set(to, either);
      toVisit.push(to);
    }
  }
  const inner = new Set(assignedIn(Object.values(states)));
  return [
    ...[...common(inner, outerEver)].map((name) => `A Map assigns the outer variable $${name}`),
    ...Object.entries(states).flatMap(([name, state]) => {
      const [sure, possible] = [always.get(name), ever.get(name)];
      if (!sure || !possible) return [`${name}: no way leads to this state`];
      return [
        ...readFindings(name, state, sure, possible),
        // An outer scope's variable is outside whenever it is assigned: before the Map, or after it in a loop.
        ...(state.ItemProcessor ? scopeFindings(state.ItemProcessor, sure, new Set([...inner, ...outerEver])) : []),
      ];
    }),
  ];
}

function common(one: ReadonlySet<string>, other: ReadonlySet<string>): Set<string> {
  return new Set([...one].filter((name) => other.has(name)));
}

function readFindings(name: string, state: State, sure: ReadonlySet<string>, possible: ReadonlySet<string>): string[] {
  const read = ownExpressions(state).map(referencesOf);
  const missing = new Set(read.flatMap(({ variables }) => variables.filter((variable) => !sure.has(variable))));
  const never = new Set(read.flatMap(({ guarded }) => guarded.filter((variable) => !possible.has(variable))));
  return [
    ...[...missing].map((variable) => `${name}: $${variable} is not assigned on every way that leads here`),
    ...[...never].map((variable) => `${name}: $${variable} is assigned on no way that leads here`),
  ];
}

function taskFindings(name: string, { TimeoutSeconds, Retry = [], Catch = [] }: State): string[] {
  const retried = Retry.flatMap(({ ErrorEquals }) => ErrorEquals);
  const missing = retryable.filter((error) => !retried.includes(error));
  return [
    ...(TimeoutSeconds === undefined ? [`${name}: has no time limit`] : []),
    ...(missing.length > 0 ? [`${name}: does not retry ${missing.join(', ')}`] : []),
    ...(retried.includes('States.ALL') ? [`${name}: retries whatever happens`] : []),
    ...(Catch.at(-1)?.ErrorEquals.includes('States.ALL') === true ? [] : [`${name}: has no last Catch`]),
  ];
}

function errorNameFindings(name: string, { Retry = [], Catch = [] }: State): string[] {
  const known = new Set<string>([...retryable, ...permanent]);
  return [...Retry, ...Catch]
    .flatMap(({ ErrorEquals }) => ErrorEquals)
    .filter((error) => !known.has(error) && !/^(?:States|Lambda|Sandbox)\.\w+$/.test(error))
    .map((error) => `${name}: names the error ${error}, which nothing throws`);
}

const ofAPerson = /nhs|patient|person|people|surname|givenName|birth|postcode|gender|identifier/i;

/** No field that may hold a person: state, variables and history are kept for 90 days. */
function personFindings(name: string, state: State): string[] {
  const fields = [
    ...keysIn({ ...state, ItemProcessor: undefined }),
    ...ownExpressions(state).flatMap((expression) => referencesOf(expression).fields),
  ];
  return [...new Set(fields)]
    .filter((field) => ofAPerson.test(field))
    .map((field) => `${name}: the field ${field} may hold a person`);
}

function keysIn(template: unknown): string[] {
  if (typeof template !== 'object' || template === null) return [];
  const keys = Array.isArray(template) ? [] : Object.keys(template);
  return [...keys, ...Object.values(template).flatMap(keysIn)];
}
