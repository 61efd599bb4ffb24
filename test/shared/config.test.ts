import { describe, expect, it, test } from '@jest/globals';
import { z } from 'zod';
import { percent, positiveInteger, readConfig } from '../../shared/config.ts';

describe('settings', () => {
  const shape = { BUCKET: z.string(), PART_ROWS: positiveInteger, MAX_OPT_OUT_PERCENT: percent };
  const valid = { BUCKET: 'b', PART_ROWS: '100000', MAX_OPT_OUT_PERCENT: '0', AWS_SECRET_ACCESS_KEY: 'secret' };

  it('are read from text', () => {
    expect(readConfig(valid, shape)).toEqual({ BUCKET: 'b', PART_ROWS: 100_000, MAX_OPT_OUT_PERCENT: 0 });
  });

  test.each([
    { PART_ROWS: '0' },
    { PART_ROWS: '1.5' },
    { PART_ROWS: '' },
    { PART_ROWS: 'many' },
    { PART_ROWS: undefined },
    { MAX_OPT_OUT_PERCENT: '101' },
    { MAX_OPT_OUT_PERCENT: '-1' },
    { BUCKET: undefined },
  ])('refuse $PART_ROWS $MAX_OPT_OUT_PERCENT, naming the variable', (change) => {
    const [name] = Object.keys(change);
    expect(() => readConfig({ ...valid, ...change }, shape)).toThrow(
      expect.objectContaining({ name: 'ConfigurationInvalid', message: expect.stringContaining(`${name!}: `) }),
    );
  });

  it('name every fault at once, and no value', () => {
    const read = () => readConfig({ ...valid, BUCKET: undefined, PART_ROWS: 'secret' }, shape);
    expect(read).toThrow(/BUCKET: .*; PART_ROWS: /);
    expect(read).not.toThrow(/secret/);
  });
});
