import { parseJson } from '../../shared/json.ts';
import { Refusal } from '../../shared/noom/refusal.ts';
import { hasRepeatedMembers } from '../../shared/noom/stu3/repeated-members.ts';
import { readXml, XmlFault } from '../../shared/noom/stu3/xml-reader.ts';
import type { Format } from './media-types.ts';

/** A Consent has two thousand bytes, and some more in XML. */
const mostBytes = 262_144;

/**
 * Reads a body as the JSON of a resource, be it JSON or XML.
 *
 * @throws Refusal MESSAGE_NOT_WELL_FORMED, INVALID_ELEMENT; BAD_REQUEST 413 where it is too long
 */
export function readBody(body: Uint8Array, format: Format): unknown {
  const text = textOf(body);
  return format === 'json' ? readJson(text) : readResourceXml(text);
}

/** @throws Refusal MESSAGE_NOT_WELL_FORMED; BAD_REQUEST 413 where it is too long */
export function textOf(body: Uint8Array): string {
  if (body.length > mostBytes) {
    throw new Refusal('BAD_REQUEST', `The body has more than ${mostBytes} bytes`, {
      status: 413,
      issueType: 'too-long',
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new Refusal('MESSAGE_NOT_WELL_FORMED', 'The body is not UTF-8', { cause: error });
  }
}

function readJson(text: string): unknown {
  const value = parseJson(text);
  if (value === undefined) throw new Refusal('MESSAGE_NOT_WELL_FORMED', 'The body is not JSON');
  if (hasRepeatedMembers(text)) {
    throw new Refusal(
      'MESSAGE_NOT_WELL_FORMED',
      'The body has a member twice in one object: which one counts is not clear',
    );
  }
  return value;
}

function readResourceXml(text: string): unknown {
  try {
    return readXml(text);
  } catch (error) {
    if (!(error instanceof XmlFault)) throw error;
    const code = error.fault ? 'INVALID_ELEMENT' : 'MESSAGE_NOT_WELL_FORMED';
    throw new Refusal(code, error.message, { cause: error });
  }
}
