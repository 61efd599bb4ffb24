import { type Answer, jsonAnswer, meshV2 } from './answer.ts';
import { notImplemented } from './refusal.ts';

/** What MESH answers without authorization: the liveness check and the look-up of mailboxes. All else is refused. */
export function answerPublic(method: string, pathname: string, mailboxIds: readonly string[]): Answer {
  const lookup = /^\/messageexchange\/(?:endpointlookup\/([^/]+)|workflowsearch)\/[^/]+$/.exec(pathname);
  if (method === 'GET' && pathname === '/messageexchange/_ping') return jsonAnswer(200, { outcome: 'success' });
  if (method !== 'GET' || !lookup) throw notImplemented(`${method} ${pathname}`);
  // Mailbox ids begin with their organisation's ODS code; workflows are not registered here, so that any matches.
  const odsCode = (lookup[1] ?? '').toUpperCase();
  const found = mailboxIds.filter((id) => id.startsWith(odsCode));
  return jsonAnswer(200, { results: found.map((id) => ({ mailbox_id: id, mailbox_name: id })) }, meshV2);
}
