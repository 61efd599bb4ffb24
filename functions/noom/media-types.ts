import { Refusal } from '../../shared/noom/refusal.ts';

export type Format = 'json' | 'xml';

/** The names of today, with those of DSTU2 and the general ones. Source: FHIR STU3, "RESTful API", content types. */
const formats = new Map<string, Format>([
  ...['application/fhir+json', 'application/json+fhir', 'application/json', 'text/json', 'json'].map(
    (name) => [name, 'json'] as const,
  ),
  ...['application/fhir+xml', 'application/xml+fhir', 'application/xml', 'text/xml', 'xml'].map(
    (name) => [name, 'xml'] as const,
  ),
]);

const mediaTypes: Readonly<Record<Format, string>> = {
  json: 'application/fhir+json; charset=UTF-8',
  xml: 'application/fhir+xml; charset=UTF-8',
};

export function mediaTypeOf(format: Format): string {
  return mediaTypes[format];
}

/** What a client says about formats. */
export interface Negotiation {
  readonly format: string | undefined;
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
}

/**
 * The format of the answer: `_format` before `Accept` before the request's own, or else JSON.
 *
 * @throws Refusal UNSUPPORTED_MEDIA_TYPE
 */
export function answerFormat({ format, accept, contentType }: Negotiation): Format {
  if (format !== undefined) return known(format, '_format');
  const accepted = acceptedTypes(accept ?? '*/*');
  for (const type of accepted) {
    const found = formats.get(type);
    if (found) return found;
    if (type === '*/*' || type === 'application/*') return formats.get(nameOf(contentType ?? '')) ?? 'json';
    if (type === 'text/*') return 'xml';
  }
  throw new Refusal('UNSUPPORTED_MEDIA_TYPE', 'Accept names no format that is served: application/fhir+json or +xml');
}

/** The same of an answer that is an error already: never another error. */
export function formatOfRefusal(negotiation: Negotiation): Format {
  const { format, contentType } = negotiation;
  try {
    return answerFormat(negotiation);
  } catch {
    return formats.get(nameOf(format ?? '')) ?? formats.get(nameOf(contentType ?? '')) ?? 'json';
  }
}

/** @throws Refusal UNSUPPORTED_MEDIA_TYPE */
export function requirePlain(contentEncoding: string | undefined): void {
  if (contentEncoding === undefined || contentEncoding.toLowerCase() === 'identity') return;
  throw new Refusal('UNSUPPORTED_MEDIA_TYPE', 'Content-Encoding is not supported: send the body as it is');
}

/** @throws Refusal UNSUPPORTED_MEDIA_TYPE */
export function bodyFormat(contentType: string | undefined): Format {
  const found = known(contentType ?? '', 'Content-Type');
  requireUtf8(contentType ?? '');
  return found;
}

/** @throws Refusal UNSUPPORTED_MEDIA_TYPE */
export function requireForm(contentType: string | undefined): void {
  if (nameOf(contentType ?? '') !== 'application/x-www-form-urlencoded') {
    throw new Refusal(
      'UNSUPPORTED_MEDIA_TYPE',
      'Content-Type of a search by POST must be application/x-www-form-urlencoded',
    );
  }
  requireUtf8(contentType ?? '');
}

function requireUtf8(contentType: string): void {
  const [, charset = 'utf-8'] = /;\s*charset="?([^";\s]+)/i.exec(contentType) ?? [];
  if (charset.toLowerCase() !== 'utf-8') throw new Refusal('UNSUPPORTED_MEDIA_TYPE', 'The charset must be UTF-8');
}

function known(type: string, where: string): Format {
  const found = formats.get(nameOf(type));
  if (found) return found;
  throw new Refusal('UNSUPPORTED_MEDIA_TYPE', `${where} must be application/fhir+json or application/fhir+xml`);
}

/** Without its parameters. A `+` that was not encoded in a URL has become a blank. */
function nameOf(type: string): string {
  const [name = ''] = type.split(';');
  return name.trim().toLowerCase().replace(' ', '+');
}

/** In the order in which they are wanted. Source: RFC 9110, 12.5.1. */
function acceptedTypes(accept: string): string[] {
  return accept
    .split(',')
    .map((part) => ({ type: nameOf(part), weight: Number(/;\s*q=([\d.]+)/i.exec(part)?.[1] ?? 1) }))
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
    .map(({ type }) => type);
}
