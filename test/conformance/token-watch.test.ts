import { expect, it, test } from '@jest/globals';
import { request } from 'node:http';
import { authorizationHeader, type TokenParts } from '../../shared/mesh/token.ts';
import { TokenWatch, type WatchedRequest } from './token-watch.ts';

const secrets = { password: 'a-password', sharedKey: 'a-key' };
const good: TokenParts = { mailboxId: 'X26ABC1', nonce: 'n-1', nonceCount: 0, at: new Date(), ...secrets };

/** Makes a request that never arrives anywhere. */
function make(authorization: string, path = '/messageexchange/X26ABC1/inbox'): void {
  const made = request({ host: '127.0.0.1', port: 1, path, headers: { authorization } });
  made.once('error', () => undefined);
  made.destroy();
}

function watch(run: () => void): readonly WatchedRequest[] {
  const tokens = new TokenWatch();
  tokens.add('X26ABC1', secrets);
  tokens.start();
  try {
    run();
  } finally {
    tokens.stop();
  }
  return tokens.requests;
}

it('finds nothing wrong with tokens of the published form, each used once', () => {
  const seen = watch(() => {
    make(authorizationHeader(good));
    make(authorizationHeader({ ...good, nonceCount: 1 }));
  });
  expect(seen.map(({ faults }) => faults)).toEqual([[], []]);
  expect(JSON.stringify(seen)).not.toContain('NHSMESH');
});

test.each([
  { why: 'no scheme', header: authorizationHeader(good).replace('NHSMESH ', ''), says: 'another form' },
  {
    why: 'another mailbox',
    header: authorizationHeader({ ...good, mailboxId: 'X26ABC2' }),
    says: 'of another mailbox',
  },
  { why: 'another password', header: authorizationHeader({ ...good, password: 'other' }), says: 'hash is not' },
  { why: 'another key', header: authorizationHeader({ ...good, sharedKey: 'other' }), says: 'hash is not' },
  {
    why: 'an hour off',
    header: authorizationHeader({ ...good, at: new Date(Date.now() - 3_600_000) }),
    says: 'not in UTC',
  },
])('finds $why', ({ header, says }) => {
  const [seen] = watch(() => {
    make(header);
  });
  expect(seen?.faults.join()).toContain(says);
});

it('finds a token that is used twice, and leaves other mailboxes alone', () => {
  const seen = watch(() => {
    make(authorizationHeader(good));
    make(authorizationHeader(good));
    make('anything', '/messageexchange/X26ABC9/inbox');
  });
  expect(seen.map(({ faults }) => faults)).toEqual([[], ['the token was used before']]);
});
