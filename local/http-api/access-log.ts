import { TemplateUnsupported } from '../assembly/template.ts';

/** The variables that the stand-in knows. Source: "Customize HTTP API access logs", Amazon API Gateway Developer Guide. */
const variables = [
  'requestId',
  'requestTime',
  'routeKey',
  'httpMethod',
  'status',
  'responseLatency',
  'integrationLatency',
  'responseLength',
  'integrationErrorMessage',
  'identity.userArn',
] as const;

export type Logged = Readonly<Partial<Record<(typeof variables)[number], string | number>>>;

const placeholder = /\$context\.([A-Za-z.]*[A-Za-z])/g;

/**
 * Writes lines of an access log in the format that a stage has; a dash stands for what a call does not have.
 *
 * @throws TemplateUnsupported where the format asks for a variable that is not known
 */
export function accessLine(format: string): (logged: Logged) => string {
  const known = new Map<string, (logged: Logged) => string | number | undefined>(
    variables.map((name) => [name, (logged) => logged[name]]),
  );
  const unknown = [...format.matchAll(placeholder)].map(([, name = '']) => name).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new TemplateUnsupported(`The access log of the local HTTP API knows no ${unknown.join(', ')}`);
  }
  return (logged) => format.replace(placeholder, (_, name: string) => String(known.get(name)?.(logged) ?? '-'));
}
