import { describe, expect, it } from '@jest/globals';
import { parseJson } from '../../shared/json.ts';

describe('JSON', () => {
  it('is parsed, or undefined: no error that quotes it', () => {
    expect(parseJson('{"a":1}')).toEqual({ a: 1 });
    expect(parseJson('null')).toBeNull();
    for (const text of ['', '{', '9993395633,', '{"a":1}x']) expect(parseJson(text)).toBeUndefined();
  });
});
