/** Operations on one mailbox; each path is what follows `/messageexchange/{mailbox}`. */
const routes = [
  { method: 'POST', path: /^$/, operation: 'handshake' },
  { method: 'GET', path: /^$/, operation: 'validate' },
  { method: 'GET', path: /^\/inbox$/, operation: 'list' },
  { method: 'GET', path: /^\/count$/, operation: 'count' },
  { method: 'HEAD', path: /^\/inbox\/([^/]+)$/, operation: 'head' },
  { method: 'GET', path: /^\/inbox\/([^/]+)$/, operation: 'download' },
  { method: 'GET', path: /^\/inbox\/([^/]+)\/(\d+)$/, operation: 'download' },
  { method: 'PUT', path: /^\/inbox\/([^/]+)\/status\/acknowledged$/, operation: 'acknowledge' },
  { method: 'POST', path: /^\/outbox$/, operation: 'send' },
  { method: 'POST', path: /^\/outbox\/([^/]+)\/(\d+)$/, operation: 'sendChunk' },
  { method: 'GET', path: /^\/outbox\/tracking$/, operation: 'track' },
  { method: 'GET', path: /^\/outbox\/tracking\/([^/]+)$/, operation: 'trackLocalId' },
] as const;

/** What asks for no mailbox of one's own. NHS England's sandbox answers the ping in all of these places. */
const publicRoutes = [
  { path: /^(?:\/messageexchange)?\/_ping$/, operation: 'ping' },
  { path: /^\/health$/, operation: 'ping' },
  { path: /^\/messageexchange\/endpointlookup\/([^/]+)\/([^/]+)$/, operation: 'lookUp' },
  { path: /^\/messageexchange\/workflowsearch\/([^/]+)$/, operation: 'searchWorkflow' },
] as const;

/** `/inbox/rich` and `/outbox/rich` exist in NHS England's sandbox only: no such path here, nor a message id. */
const sandboxOnly = /^\/(inbox|outbox)\/rich$/;

/** First path segments that are no mailbox ids. */
const reserved: readonly string[] = ['_ping', 'admin', 'endpointlookup', 'mailbox', 'workflowsearch'];

export type Operation = (typeof routes)[number]['operation'];
type PublicOperation = (typeof publicRoutes)[number]['operation'];

/** Every operation, those on a mailbox and the others, for what names one. */
export const operations: readonly (Operation | PublicOperation)[] = [
  ...new Set([...routes, ...publicRoutes].map(({ operation }) => operation)),
];

export interface PublicTarget {
  readonly operation: PublicOperation;
  readonly captures: readonly string[];
}

export interface MailboxTarget {
  readonly operation: Operation;
  /** In upper case, as MESH compares it. */
  readonly mailboxId: string;
  /** The variable parts of the path after the mailbox id, decoded. */
  readonly captures: readonly string[];
}

/** Which operation on which mailbox a request means; undefined where none. */
export function mailboxTarget(method: string, pathname: string): MailboxTarget | undefined {
  const { mailbox, rest } = mailboxPath(pathname) ?? {};
  if (mailbox === undefined || rest === undefined) return undefined;
  for (const { method: routeMethod, path, operation } of routes) {
    const match = routeMethod === method ? path.exec(rest) : null;
    if (match) return { operation, mailboxId: decoded(mailbox).toUpperCase(), captures: match.slice(1).map(decoded) };
  }
  return undefined;
}

/** Which operation without a mailbox a request means; undefined where none. */
export function publicTarget(method: string, pathname: string): PublicTarget | undefined {
  if (method !== 'GET') return undefined;
  for (const { path, operation } of publicRoutes) {
    const match = path.exec(pathname);
    if (match) return { operation, captures: match.slice(1).map(decoded) };
  }
  return undefined;
}

/** The methods that a path takes, on a mailbox or without one; none where it means nothing. */
export function methodsAt(pathname: string): string[] {
  const { rest } = mailboxPath(pathname) ?? {};
  const onMailbox = rest === undefined ? [] : routes.filter(({ path }) => path.test(rest)).map(({ method }) => method);
  return [...onMailbox, ...(publicRoutes.some(({ path }) => path.test(pathname)) ? ['GET'] : [])];
}

function mailboxPath(pathname: string): { mailbox: string; rest: string } | undefined {
  const [, mailbox = '', rest = ''] = /^\/messageexchange\/([^/]+)(.*)$/.exec(pathname) ?? [];
  return mailbox === '' || reserved.includes(mailbox) || sandboxOnly.test(rest) ? undefined : { mailbox, rest };
}

/** A malformed escape stands for itself: no mailbox or message has such an id. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
