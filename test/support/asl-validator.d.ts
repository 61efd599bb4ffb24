declare module 'asl-validator' {
  /** Checks a definition against the schema and rules of the Amazon States Language. */
  export default function aslValidator(definition: object): {
    readonly isValid: boolean;
    readonly errors: readonly object[];
  };
}
