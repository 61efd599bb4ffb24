import { expect } from '@jest/globals';
import { linesOf } from './local-command.ts';

export interface MeshCall {
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
}

/**
 * The habits that a witness of the compliance tests looks for: a handshake before anything else and no burst of them, a list
 * straight after each send, an acknowledgement straight after each download, no message fetched twice, one call at a time.
 */
export async function expectHabits(out: string): Promise<void> {
  const calls = await linesOf<MeshCall>(out, 'mesh.ndjson');
  const names = calls.map(({ method, path }) => {
    const [, , mailbox, folder = 'handshake', id, ...rest] = path.split('?')[0]?.split('/') ?? [];
    expect(mailbox).toBe('RZZ99OT001');
    return { call: [method, folder, ...(id === undefined ? [] : ['{id}']), ...rest].join(' '), id };
  });
  // None where the last one is not a day old.
  const handshakes = names.filter(({ call }) => call === 'POST handshake').length;
  expect(handshakes).toBeLessThanOrEqual(1);
  expect(names.findIndex(({ call }) => call === 'POST handshake')).toBe(handshakes - 1);
  const fetched = names.filter(({ call }) => call === 'GET inbox {id}').map(({ id }) => id);
  expect(fetched.length).toBeGreaterThan(1);
  expect(new Set(fetched).size).toBe(fetched.length);
  for (const [index, { call, id }] of names.entries()) {
    if (call === 'POST outbox') expect(names[index + 1]?.call).toBe('GET inbox');
    if (call === 'GET inbox {id}') expect(names[index + 1]).toEqual({ call: 'PUT inbox {id} status acknowledged', id });
  }
  const byTime = [...calls].sort((a, b) => a.at.localeCompare(b.at));
  for (const [index, { at, durationMs }] of byTime.entries()) {
    const next = byTime[index + 1];
    // Times of day are cut to the millisecond.
    if (next) expect(Date.parse(next.at) + 1).toBeGreaterThanOrEqual(Date.parse(at) + Math.floor(durationMs));
  }
}
