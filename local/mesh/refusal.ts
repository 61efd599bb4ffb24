import { type Answer, type ApiVersion, jsonAnswer } from './answer.ts';

/**
 * What MESH refuses, as status, event, code and text. Source: the error codes of the MESH API and of NHS England's
 * mesh-sandbox. Those marked `assumed` are known to be refused in production, in a form nobody has published.
 */
const refusals = {
  unreadableToken: [403, '', '', 'Error reading from Authorization header'],
  otherMailbox: [403, '', '', 'Mailbox id does not match token'],
  wrongToken: [403, '', '', 'Invalid Authentication Token'],
  /** assumed */
  staleToken: [403, '', '', 'Invalid Authentication Token: its timestamp is too far from the present'],
  duplicateToken: [403, '', '', 'Error Duplicated Authentication Token'],
  inactiveMailbox: [403, '', '', 'Request Received from Inactive Mailbox'],
  unknownMailbox: [403, 'SEND', 'EPL-151', 'No mailbox matched'],
  /** assumed */
  concurrentUse: [403, '', '', 'concurrent use'],
  notYours: [403, '', '', 'Message belongs to another mailbox'],
  acceptHeader: [400, '', '', 'Accept header api format incorrect'],
  malformedHeader: [400, 'TRANSFER', '06', 'Malformed control file'],
  /** assumed */
  invalidFrom: [400, 'SEND', '07', 'Invalid From Address in the control file'],
  invalidChecksum: [400, 'SEND', 'Invalid checksum', 'Invalid checksum'],
  /** assumed, for a body that says gzip and is not */
  invalidFile: [400, 'SEND', 'Invalid file format', 'File Level Error (file not formed correctly)'],
  unknownRecipient: [417, 'SEND', '12', 'Unregistered to address'],
  emptyBody: [417, 'COLLECT', '02', 'Data file is missing or inaccessible.'],
  invalidChunks: [417, 'SEND', 'InvalidHeaderChunks', 'Invalid chunk values sent in mex-Chunk-Range header'],
  encodingChanged: [417, 'SEND', '', 'cannot change content encoding'],
  unsupportedEncoding: [422, 'SEND', 'UnsupportedContentEncoding', 'Unsupported content encoding'],
  /** assumed */
  tooLarge: [413, 'SEND', '', 'Request body is larger than the gateway allows'],
  tooManyChunks: [406, 'SEND', '', 'Chunk number is greater than the total'],
  uploadComplete: [423, 'SEND', '', 'Upload is already complete'],
  unknownMessage: [404, 'RECEIVE', '20', 'Message does not exist'],
  ambiguousLocalId: [300, '', '', 'Several messages carry this local id'],
  gone: [410, 'SEND', 'Message already accepted', 'Message no longer available for download'],
} as const satisfies Record<string, readonly [number, string, string, string]>;

/** A request that MESH turns down; knows the answer that says so. */
export class MeshRefusal extends Error {
  override readonly name = 'MeshRefusal';
  readonly answer: (version: ApiVersion) => Answer;

  constructor(answer: (version: ApiVersion) => Answer, message: string) {
    super(message);
    this.answer = answer;
  }
}

/** The refusal in the error shape of the version that the client speaks. */
export function refusal(kind: keyof typeof refusals, messageId?: string): MeshRefusal {
  const [status, event, code, msg] = refusals[kind];
  return new MeshRefusal(
    (version) =>
      version === 1
        ? jsonAnswer(status, { messageID: messageId, errorEvent: event, errorCode: code, errorDescription: msg })
        : jsonAnswer(status, { message_id: messageId, detail: [{ event, code, msg }] }),
    msg,
  );
}

/** A header or query value of the wrong form: 400, `detail` as an array without event or code, in either version. */
export function invalid(where: 'header' | 'query' | 'path' | 'body', name: string, msg: string): MeshRefusal {
  const type = msg === 'Field required' ? 'missing' : 'value_error';
  return new MeshRefusal(() => jsonAnswer(400, { detail: [{ type, loc: [where, name], msg }] }), `${name}: ${msg}`);
}

/** A path that means nothing here: `detail` as a string, in either version. Source: mesh-sandbox. */
export function noSuchPath(): MeshRefusal {
  return new MeshRefusal(() => jsonAnswer(404, { detail: 'Not Found' }), 'no path of the MESH API');
}

/** A path that takes other methods than the one it was called with; they are named in `Allow`. */
export function otherMethod(allowed: readonly string[]): MeshRefusal {
  const allow = allowed.join(', ');
  const answer = jsonAnswer(405, { detail: 'Method Not Allowed' });
  return new MeshRefusal(() => ({ ...answer, headers: { ...answer.headers, allow } }), `this path takes ${allow}`);
}

/** A form that the real service may know and this stand-in does not. */
export function notImplemented(what: string): MeshRefusal {
  const msg = `The MESH stand-in does not implement ${what}`;
  return new MeshRefusal(() => jsonAnswer(501, { detail: [{ event: '', code: '', msg }] }), msg);
}
