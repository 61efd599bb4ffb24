/** Text escaped for element content; control characters as S3 writes them, which strict XML 1.0 has no form for. */
function escapeXml(value: string): string {
  return value
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/\p{Cc}/gu, (character) => `&#x${(character.codePointAt(0) ?? 0).toString(16)};`);
}

export function text(name: string, value: string): string {
  return `<${name}>${escapeXml(value)}</${name}>`;
}

export function element(name: string, children: readonly string[], attributes = ''): string {
  return `<${name}${attributes}>${children.join('')}</${name}>`;
}

export function xmlDocument(root: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}`;
}

/** The attribute that S3 puts on the root of every answer other than an error. */
export const s3Namespace = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
