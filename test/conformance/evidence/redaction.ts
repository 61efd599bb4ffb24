import type { Environment } from '../environment.ts';

/** Headers that are never shown, whatever they hold. */
const hidden = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie']);

/** Takes out of a text what must not leave the organisation: secrets of the environment, and ten digits that may be a person. */
export type Redact = (text: string) => string;

export function redactionFor({ sharedKey, mailboxes }: Environment): Redact {
  const { ours, other, dormant } = mailboxes;
  const keys = [ours, other, dormant].flatMap(({ password, clientKey }) => [
    ...(password === undefined ? [] : [password]),
    ...(clientKey === undefined ? [] : keyLines(clientKey)),
  ]);
  const secrets = [sharedKey, ...keys];
  return (text) => {
    const open = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
    return open.replace(/(?<![0-9A-Za-z])\d{3}([ -]?)\d{3}\1\d{4}(?![0-9A-Za-z])/g, '[ten digits]');
  };
}

/** Each line of a key gives part of it away. */
function keyLines(pem: string): string[] {
  return pem.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith('-----'));
}

export function shownHeaders(headers: Readonly<Record<string, string>>, redact: Redact): Record<string, string> {
  const shown = Object.entries(headers).filter(([name]) => !hidden.has(name.toLowerCase()));
  return Object.fromEntries(shown.map(([name, value]) => [name, redact(value)]));
}
