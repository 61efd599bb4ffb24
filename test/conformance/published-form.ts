import type { MeshCall } from '../../shared/mesh/call.ts';

/** What a call is for, in the words of the MESH API. */
export type Operation =
  | 'handshake'
  | 'list'
  | 'head'
  | 'download'
  | 'download chunk'
  | 'acknowledge'
  | 'send'
  | 'send chunk'
  | 'track'
  | 'track by local id'
  | 'look up'
  | 'search workflow';

interface Form {
  readonly operation: Operation;
  readonly method: string;
  /** What follows `/messageexchange/{mailbox}`, or `/messageexchange` for what asks about no mailbox. */
  readonly path: RegExp;
  /** Headers beside those of every call, and the form of each; `?` marks one that may be absent. */
  readonly headers: Readonly<Record<string, RegExp>>;
  /** Names and forms of the parameters that the query may have; those it must have carry no `?`. */
  readonly query?: Readonly<Record<string, RegExp>>;
  readonly body: 'none' | 'some';
  /** Statuses of success. */
  readonly statuses: readonly number[];
}

const octets = /^application\/octet-stream$/;
const flag = /^[YN]$/;
const messageId = '[^/]{1,192}';

/** The form that NHS England has published, as its own clients use it. */
const forms: readonly Form[] = [
  {
    ...{ operation: 'handshake', method: 'POST', path: /^$/, body: 'none', statuses: [200] },
    headers: {
      'mex-clientversion': /^\S.*$/,
      'mex-osname': /^\S.*$/,
      'mex-osversion': /^\S.*$/,
      'mex-osarchitecture?': /^\S.*$/,
      'mex-javaversion?': /^\S.*$/,
    },
  },
  {
    ...{ operation: 'list', method: 'GET', path: /^\/inbox$/, body: 'none', statuses: [200], headers: {} },
    query: {
      'max_results?': /^(?:[1-9]\d|[1-9]\d\d|[1-4]\d{3}|5000)$/,
      'workflow_filter?': /^.{2,255}$/,
      'continue_from?': /^.{24,1000}$/,
    },
  },
  {
    ...{ operation: 'head', method: 'HEAD', path: new RegExp(`^/inbox/${messageId}$`), body: 'none' },
    ...{ statuses: [200], headers: {} },
  },
  {
    ...{ operation: 'download', method: 'GET', path: new RegExp(`^/inbox/${messageId}$`), body: 'none' },
    ...{ statuses: [200, 206], headers: {} },
  },
  {
    ...{ operation: 'download chunk', method: 'GET', path: new RegExp(`^/inbox/${messageId}/[1-9]\\d*$`) },
    ...{ body: 'none', statuses: [200, 206], headers: {} },
  },
  {
    ...{ operation: 'acknowledge', method: 'PUT', path: new RegExp(`^/inbox/${messageId}/status/acknowledged$`) },
    ...{ body: 'none', statuses: [200], headers: {} },
  },
  {
    ...{ operation: 'send', method: 'POST', path: /^\/outbox$/, body: 'some', statuses: [202] },
    headers: {
      'content-type': octets,
      'content-encoding?': /^gzip$/,
      'mex-from': /^[A-Z0-9]{1,100}$/,
      'mex-to': /^[A-Z0-9_]{1,100}$/,
      'mex-workflowid': /^(?!https?:).{1,300}$/,
      'mex-chunk-range?': /^1:[1-9]\d*$/,
      'mex-localid?': /^.{1,300}$/,
      'mex-subject?': /^.{1,500}$/,
      'mex-filename?': /^.{1,300}$/,
      'mex-partnerid?': /^.{1,500}$/,
      'mex-content-type?': /^.{1,100}$/,
      'mex-content-checksum?': /^[A-Za-z0-9\s:/-]{1,100}$/,
      'mex-content-compressed?': flag,
      'mex-content-compress?': flag,
      'mex-content-encrypted?': flag,
      'mex-messagetype?': /^DATA$/,
    },
  },
  {
    ...{ operation: 'send chunk', method: 'POST', path: new RegExp(`^/outbox/${messageId}/(?:[2-9]|[1-9]\\d+)$`) },
    ...{ body: 'some', statuses: [202] },
    headers: { 'content-type': octets, 'content-encoding?': /^gzip$/, 'mex-chunk-range': /^[1-9]\d*:[1-9]\d*$/ },
  },
  {
    ...{ operation: 'track', method: 'GET', path: /^\/outbox\/tracking$/, body: 'none', statuses: [200], headers: {} },
    query: { messageID: /^.{1,64}$/ },
  },
  {
    ...{ operation: 'track by local id', method: 'GET', path: /^\/outbox\/tracking\/[^/]+$/, body: 'none' },
    ...{ statuses: [200, 300], headers: {} },
  },
];

const publicForms: readonly Form[] = [
  {
    ...{ operation: 'look up', method: 'GET', path: /^\/endpointlookup\/[^/]+\/[^/]+$/, body: 'none' },
    ...{ statuses: [200], headers: {} },
  },
  {
    ...{ operation: 'search workflow', method: 'GET', path: /^\/workflowsearch\/[^/]+$/, body: 'none' },
    ...{ statuses: [200], headers: {} },
  },
];

/** Of every call. Version 2 is chosen by Accept alone, which names one media type. */
const commonHeaders: Readonly<Record<string, RegExp>> = {
  accept: /^application\/vnd\.mesh\.v2\+json$/,
  'accept-encoding': /^gzip$/,
  'user-agent': /^\S.*$/,
  'content-length?': /^\d+$/,
};

const refusals = [300, 400, 403, 404, 406, 408, 410, 413, 417, 422, 423, 425, 429, 500, 502, 503, 504];

/** The gateway on the internet takes no larger body in one call. */
const largestBodyBytes = 20 << 20;

/** What a call is for; undefined where it has none of the published forms. */
export function operationOf({ method, path }: Pick<MeshCall, 'method' | 'path'>): Operation | undefined {
  return formOf(method, pathname(path))?.operation;
}

/** The message that a call is about, as its path names it. */
export function messageIdOf({ path }: Pick<MeshCall, 'path'>): string | undefined {
  const [, id] = /^\/messageexchange\/[^/]+\/(?:inbox|outbox)\/([^/?]+)/.exec(path) ?? [];
  return id === undefined || id === 'tracking' ? undefined : decodeURIComponent(id);
}

/** In what a call departs from the published form, a sentence each; none where it keeps to it (case 802). */
export function departures(call: MeshCall, mailboxId: string): string[] {
  const { method, path, requestHeaders, requestBody, status } = call;
  const form = formOf(method, pathname(path));
  if (!form) return [`${method} on this path is no call of the MESH API`];
  const isPublic = publicForms.includes(form);
  const faults: string[] = [];
  if (!isPublic && pathname(path).split('/')[2] !== mailboxId) faults.push('the path names another mailbox');
  faults.push(...memberFaults('header', requestHeaders, { ...commonHeaders, ...form.headers }));
  faults.push(...memberFaults('parameter', queryOf(path), form.query ?? {}));
  for (const [name, value] of Object.entries(requestHeaders)) {
    if (!/^[\x20-\x7e]*$/.test(value)) faults.push(`header ${name} has a character that is not printable ASCII`);
  }
  if (requestBody.bytes > 0 !== (form.body === 'some')) {
    // A connection that breaks early has taken no body.
    if (form.body === 'none' || status !== undefined) faults.push(`a body of ${requestBody.bytes} bytes`);
  }
  if (requestBody.bytes > largestBodyBytes) faults.push(`a body of more than ${largestBodyBytes} bytes`);
  if (form.operation === 'send' && requestHeaders['mex-from'] !== mailboxId) faults.push('mex-from is not the mailbox');
  if (form.operation === 'send chunk') faults.push(...chunkFaults(path, requestHeaders['mex-chunk-range'] ?? ''));
  if (status !== undefined && ![...form.statuses, ...refusals].includes(status)) {
    faults.push(`the answer ${status} is not documented`);
  }
  return faults;
}

function formOf(method: string, path: string): Form | undefined {
  const open = publicForms.find(
    (form) => form.method === method && form.path.test(path.slice('/messageexchange'.length)),
  );
  if (open) return open;
  const [, rest] = /^\/messageexchange\/[^/]+(.*)$/.exec(path) ?? [];
  return rest === undefined ? undefined : forms.find((form) => form.method === method && form.path.test(rest));
}

function memberFaults(
  what: string,
  present: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, RegExp>>,
): string[] {
  const known = new Map(Object.entries(wanted).map(([name, form]) => [name.replace('?', ''), form]));
  const missing = Object.keys(wanted).filter((name) => !name.endsWith('?') && present[name] === undefined);
  const odd = Object.entries(present).flatMap(([name, value]) => {
    const form = known.get(name);
    if (!form) return [`${what} ${name} is not of this call`];
    return form.test(value) ? [] : [`${what} ${name} has another form`];
  });
  return [...missing.map((name) => `${what} ${name} is missing`), ...odd];
}

function chunkFaults(path: string, range: string): string[] {
  const number = pathname(path).split('/').at(-1);
  const [counted, total] = range.split(':');
  if (counted !== number) return ['mex-chunk-range counts another chunk than the path'];
  return Number(counted) > Number(total) ? ['mex-chunk-range counts beyond its total'] : [];
}

function pathname(path: string): string {
  return path.split('?')[0] ?? '';
}

function queryOf(path: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(path.split('?')[1] ?? ''));
}
