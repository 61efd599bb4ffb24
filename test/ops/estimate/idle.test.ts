import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, test } from '@jest/globals';
import { synthesize } from '../../../local/assembly/synthesize.ts';
import { estimateCommand } from '../../../ops/estimate/estimate-command.ts';
import { idleMonth, printIdleMonth } from '../../../ops/estimate/idle.ts';

const root = join(import.meta.dirname, '../../..');

it('sums what a month costs in which no run starts, of the store above all', () => {
  const printed = printIdleMonth([
    { what: 'hours', count: 720, dollarsEach: 0.27 },
    { what: 'keys', count: 2, dollarsEach: 1.005 },
  ]);
  expect(printed).toContain('| hours | 720 | 0.27 | 194.40 |');
  expect(printed).toContain('| all | | | 196.41 |');
  expect(estimateCommand(['--idle'])).toBe(printIdleMonth());
});

test.each([
  { what: 'alarms', type: 'AWS::CloudWatch::Alarm' },
  { what: 'secrets', type: 'AWS::SecretsManager::Secret' },
  { what: 'keys', type: 'AWS::KMS::Key' },
])(
  'an environment has as many $what as are counted',
  async ({ what, type }) => {
    const { directory } = await synthesize(root);
    const stage = join(directory, 'assembly-prod');
    const files = (await readdir(stage)).filter((name) => name.endsWith('.template.json'));
    const resources = (await Promise.all(files.map((file) => readFile(join(stage, file), 'utf8')))).flatMap(
      (template) => Object.values((JSON.parse(template) as { Resources: Record<string, { Type: string }> }).Resources),
    );
    const deployed = resources.filter(({ Type }) => Type === type).length;
    expect(idleMonth().find((line) => line.what === what)?.count).toBe(deployed);
  },
  240_000,
);
