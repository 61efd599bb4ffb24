import { type StateMachineDefinition, parseDefinition } from './definition.ts';

/** A state machine as the application deploys it. */
export interface StateMachineSource {
  readonly arn: string;
  readonly name: string;
  /** The resolved definition: a plain JSON object without intrinsic functions of CloudFormation. */
  readonly definition: unknown;
}

export interface StateMachine {
  readonly arn: string;
  readonly name: string;
  readonly roleArn: string;
  readonly definition: StateMachineDefinition;
  readonly definitionText: string;
  readonly creationDate: Date;
}

/** @throws DefinitionRefused */
export function loadStateMachine({ arn, name, definition }: StateMachineSource): StateMachine {
  const account = arn.split(':')[4] ?? '';
  return {
    arn,
    name,
    roleArn: `arn:aws:iam::${account}:role/${name}`,
    definition: parseDefinition(definition),
    definitionText: JSON.stringify(definition),
    creationDate: new Date(),
  };
}
