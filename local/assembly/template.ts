import { z } from 'zod';

const resource = z.looseObject({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  Metadata: z.record(z.string(), z.unknown()).default({}),
});

const template = z.looseObject({
  Resources: z.record(z.string(), resource),
  Outputs: z.record(z.string(), z.looseObject({ Value: z.unknown() })).default({}),
});

/** A stack's template as CloudFormation would read it, and the name that the stack is deployed under. */
export interface StackTemplate {
  readonly stackName: string;
  readonly template: z.infer<typeof template>;
}

export function parseTemplate(stackName: string, text: string): StackTemplate {
  return { stackName, template: template.parse(JSON.parse(text)) };
}

/** Uses an intrinsic function, or a reference, that the local runtime does not know. */
export class TemplateUnsupported extends Error {
  override readonly name = 'TemplateUnsupported';
}

export interface Place {
  readonly account: string;
  readonly region: string;
}

/**
 * Resolves the intrinsic functions of a group of stacks: what CloudFormation would do on deployment, with physical names
 * made from the logical ones.
 */
export class TemplateResolver {
  readonly #stacks: readonly StackTemplate[];
  readonly #place: Place;

  constructor(stacks: readonly StackTemplate[], place: Place) {
    this.#stacks = stacks;
    this.#place = place;
  }

  /** Every resource of a type, with its physical name, its ARN and its properties resolved. */
  resources(type: string): ResolvedResource[] {
    return this.#stacks.flatMap((stack) =>
      Object.entries(stack.template.Resources)
        .filter(([, { Type }]) => Type === type)
        .map(([logicalId, { Properties, Metadata }]) => ({
          name: physicalName(logicalId, type),
          arn: this.#arn(logicalId, type),
          properties: asObject(this.resolve(Properties, stack)),
          metadata: Metadata,
        })),
    );
  }

  output(stackName: string, name: string): unknown {
    const stack = this.#stack(stackName);
    return this.resolve(stack.template.Outputs[name]?.Value, stack);
  }

  resolve(value: unknown, stack: StackTemplate): unknown {
    if (Array.isArray(value)) return value.map((member) => this.resolve(member, stack));
    if (typeof value !== 'object' || value === null) return value;
    const entries: [string, unknown][] = Object.entries(value);
    const [name, argument] = entries[0] ?? ['', undefined];
    if (entries.length === 1 && (name === 'Ref' || name.startsWith('Fn::'))) return this.#call(name, argument, stack);
    return Object.fromEntries(entries.map(([key, member]) => [key, this.resolve(member, stack)]));
  }

  #call(name: string, argument: unknown, stack: StackTemplate): unknown {
    switch (name) {
      case 'Ref':
        return this.#ref(String(argument), stack);
      case 'Fn::GetAtt': {
        const [logicalId = '', attribute = ''] = asTexts(argument);
        if (attribute !== 'Arn') throw new TemplateUnsupported(`Fn::GetAtt ${logicalId}.${attribute}`);
        return this.#arn(logicalId, this.#typeOf(logicalId, stack));
      }
      case 'Fn::GetStackOutput': {
        const { StackName, OutputName } = asObject(argument);
        return this.output(String(StackName), String(OutputName));
      }
      case 'Fn::Join': {
        const [separator, members] = asList(argument);
        return asTexts(this.resolve(members, stack)).join(String(separator));
      }
      case 'Fn::Split': {
        const [separator, text] = asList(argument);
        return String(this.resolve(text, stack)).split(String(separator));
      }
      case 'Fn::Select': {
        const [index, members] = asList(argument);
        return asList(this.resolve(members, stack))[Number(index)];
      }
      default:
        throw new TemplateUnsupported(`${name} is not known to the local runtime`);
    }
  }

  #ref(name: string, stack: StackTemplate): string {
    switch (name) {
      case 'AWS::Partition':
        return 'aws';
      case 'AWS::Region':
        return this.#place.region;
      case 'AWS::AccountId':
        return this.#place.account;
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      default: {
        const type = this.#typeOf(name, stack);
        if (type === 'AWS::Lambda::Version') return this.#qualified(name, '1', stack);
        if (type === 'AWS::Lambda::Alias') return this.#qualified(name, this.#aliasName(name, stack), stack);
        return refersByArn.has(type) ? this.#arn(name, type) : physicalName(name, type);
      }
    }
  }

  /** The ARN of a function's version, each deployment here being the first, or of an alias. */
  #qualified(logicalId: string, qualifier: string, stack: StackTemplate): string {
    const functionName = this.resolve(stack.template.Resources[logicalId]?.Properties.FunctionName, stack);
    return `${this.#arn(String(functionName), 'AWS::Lambda::Function')}:${qualifier}`;
  }

  #aliasName(logicalId: string, stack: StackTemplate): string {
    return String(stack.template.Resources[logicalId]?.Properties.Name);
  }

  #arn(logicalId: string, type: string): string {
    const { account, region } = this.#place;
    const name = physicalName(logicalId, type);
    const form = arnForms[type] ?? ((at) => `arn:aws:local:${at}:${type}/${name}`);
    return form(`${region}:${account}`, name);
  }

  #typeOf(logicalId: string, { stackName, template: { Resources } }: StackTemplate): string {
    const found = Resources[logicalId];
    if (!found) throw new TemplateUnsupported(`${stackName} refers to ${logicalId}, which it does not have`);
    return found.Type;
  }

  #stack(stackName: string): StackTemplate {
    const found = this.#stacks.find((stack) => stack.stackName === stackName);
    if (!found) throw new TemplateUnsupported(`No stack ${stackName} in this assembly`);
    return found;
  }
}

export interface ResolvedResource {
  readonly name: string;
  readonly arn: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Types whose Ref gives the ARN. */
const refersByArn = new Set(['AWS::SNS::Topic', 'AWS::SecretsManager::Secret', 'AWS::StepFunctions::StateMachine']);

const arnForms: Readonly<Record<string, (at: string, name: string) => string>> = {
  'AWS::S3::Bucket': (_, name) => `arn:aws:s3:::${name}`,
  'AWS::DynamoDB::GlobalTable': (at, name) => `arn:aws:dynamodb:${at}:table/${name}`,
  'AWS::Lambda::Function': (at, name) => `arn:aws:lambda:${at}:function:${name}`,
  'AWS::SNS::Topic': (at, name) => `arn:aws:sns:${at}:${name}`,
  'AWS::SecretsManager::Secret': (at, name) => `arn:aws:secretsmanager:${at}:secret:${name}-AbCdEf`,
  'AWS::StepFunctions::StateMachine': (at, name) => `arn:aws:states:${at}:stateMachine:${name}`,
  'AWS::IAM::Role': (at, name) => `arn:aws:iam::${at.split(':')[1] ?? ''}:role/${name}`,
  'AWS::KMS::Key': (at, name) => `arn:aws:kms:${at}:key/${name}`,
  'AWS::Logs::LogGroup': (at, name) => `arn:aws:logs:${at}:log-group:${name}:*`,
};

/** Bucket names know no capitals; all else keeps its logical id. */
function physicalName(logicalId: string, type: string): string {
  return type === 'AWS::S3::Bucket' ? logicalId.toLowerCase() : logicalId;
}

function asList(value: unknown): readonly unknown[] {
  return z.array(z.unknown()).parse(value);
}

function asTexts(value: unknown): string[] {
  return asList(value).map(String);
}

function asObject(value: unknown): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(value);
}
