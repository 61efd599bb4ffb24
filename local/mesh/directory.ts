import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, jsonAnswer, meshV2 } from './answer.ts';
import { versionAsked } from './call.ts';
import type { Mailboxes } from './mailboxes.ts';
import type { PublicTarget } from './route.ts';

/** What MESH answers without authorization: the liveness check and the look-up of mailboxes. */
export function answerPublic(target: PublicTarget, headers: IncomingHttpHeaders, mailboxes: Mailboxes): Answer {
  const [first = '', second = ''] = target.captures;
  switch (target.operation) {
    case 'ping':
      return jsonAnswer(200, { status: 'running', outcome: 'Yes' });
    case 'searchWorkflow':
      return lookUp(mailboxes.receiving(first), 2);
    case 'lookUp':
      return lookUp(mailboxes.receiving(second, first), versionAsked(headers));
  }
}

/** No match is an empty list. Only the look-up by ODS code has a shape of its own in version 1. */
function lookUp(found: ReturnType<Mailboxes['receiving']>, version: 1 | 2): Answer {
  const named = found.map(({ mailboxId, mailboxName }) => ({ mailboxId, name: mailboxName ?? mailboxId }));
  if (version === 2) {
    const results = named.map(({ mailboxId, name }) => ({ mailbox_id: mailboxId, mailbox_name: name }));
    return jsonAnswer(200, { results }, meshV2);
  }
  return jsonAnswer(200, {
    query_id: randomBytes(16).toString('hex'),
    results: named.map(({ mailboxId, name }) => ({ address: mailboxId, description: name, endpoint_type: 'MESH' })),
  });
}
