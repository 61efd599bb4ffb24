import { createHash } from 'node:crypto';

/** The namespace of URLs. Source: RFC 9562, 6.6. */
const urlNamespace = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex');

/** The UUID of version 5 of a URL: the same in every run. It hides nothing, so none is ever made from an NHS number. */
export function uuidOfUrl(url: string): string {
  return shapedAsUuid(createHash('sha1').update(urlNamespace).update(url).digest('hex'), 5);
}

/** In whatever case. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** The first 16 bytes of a hash as a UUID. */
export function shapedAsUuid(hex: string, version: 5 | 8): string {
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `${version}${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
