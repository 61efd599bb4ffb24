import { describe, expect, it } from '@jest/globals';
import { isPermanentName, permanent, PermanentError, retryable, RetryableError } from '../../shared/errors.ts';

describe('error names', () => {
  it('stand once each, on one side', () => {
    const all = [...retryable, ...permanent];
    expect(new Set(all).size).toBe(all.length);
    for (const name of permanent) expect(isPermanentName(name)).toBe(true);
    for (const name of [...retryable, 'Error', '']) expect(isPermanentName(name)).toBe(false);
  });

  it('are what Lambda reports', () => {
    const cause = new Error('cause');
    const error = new PermanentError('FileAltered', 'key', { cause });
    expect([error.name, error.message, error.cause, String(error)]).toEqual([
      'FileAltered',
      'key',
      cause,
      'FileAltered: key',
    ]);
    expect(new RetryableError('MeshThrottled', '').name).toBe('MeshThrottled');
  });
});
