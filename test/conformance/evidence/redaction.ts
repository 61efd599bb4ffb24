import type { CaseResult } from '../catalogue-run.ts';
import type { Environment } from '../environment.ts';

/** Headers that are never shown, whatever they hold. */
const hidden = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);

/** Headers in which a sender may name a person; shown only where this run itself gave that very name. */
const naming = ['mex-filename', 'mex-subject', 'mex-localid', 'mex-partnerid'];

/** Takes out of a text what must not leave the organisation: secrets of the environment, and ten digits that may be a person. */
export type Redact = (text: string) => string;

/** What is shown of the headers of one call. */
export type ShowHeaders = (headers: Readonly<Record<string, string>>) => Record<string, string>;

/** What people and their files put between the three groups of an NHS number, escaped for a path or not. */
const separator = '(?:[\\s._+\\-\\u2010-\\u2015\\u2212]|%20|%2[DE]|%C2%A0|%E2%80%9[0-5]){1,3}';

/**
 * Ten digits, whatever stands beside them but a digit; longer numbers are times and message ids. Whole hashes and ids of
 * 32 or 64 hex digits come first and stay, since such digits occur in them by chance.
 */
const tenDigits = new RegExp(
  '(?<hex>(?<![0-9A-Za-z])(?:[0-9a-f]{64}|[0-9a-f]{32})(?![0-9A-Za-z]))' +
    `|(?:(?<!\\d)|(?<=%[0-9a-f]{2}))(?:\\d{10}|\\d{3}${separator}\\d{3}${separator}\\d{4})(?!\\d)`,
  'gi',
);

export function redactionFor({ sharedKey, mailboxes }: Environment): Redact {
  const { ours, other, dormant } = mailboxes;
  const keys = [ours, other, dormant].flatMap(({ password, clientKey }) => [
    ...(password === undefined ? [] : [password]),
    ...(clientKey === undefined ? [] : keyLines(clientKey)),
  ]);
  const secrets = [sharedKey, ...keys];
  return (text) => {
    const open = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
    return open.replace(tenDigits, (_, hex: string | undefined) => hex ?? '[ten digits]');
  };
}

/** Each line of a key gives part of it away. */
function keyLines(pem: string): string[] {
  return pem.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith('-----'));
}

/** Of headers that name something, those stay open which a request of these cases carried itself. */
export function headersShownFor(results: readonly CaseResult[], redact: Redact): ShowHeaders {
  const given = new Set<string>();
  for (const { requestHeaders } of results.flatMap(({ calls }) => calls)) {
    for (const name of naming) given.add(`${name} ${requestHeaders[name] ?? ''}`);
  }
  const shown = (name: string, value: string): string => {
    if (naming.includes(name) && !given.has(`${name} ${value}`)) return '[given by somebody else]';
    return name === 'content-length' ? value : redact(value);
  };
  return (headers) => {
    const open = Object.entries(headers).filter(([name]) => !hidden.has(name.toLowerCase()));
    return Object.fromEntries(open.map(([name, value]) => [name, shown(name.toLowerCase(), value)]));
  };
}
