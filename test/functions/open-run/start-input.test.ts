import { expect, it, test } from '@jest/globals';
import { openRunInput } from '../../../functions/open-run/open-run.ts';

const execution = { id: 'arn:execution:one', name: 'one', startedAt: '2026-09-01T02:00:03Z' };
const read = (input: unknown) => openRunInput.safeParse({ execution, input });

test.each([
  ['a trigger that is neither', { trigger: 'cron', scheduledTime: '2026-09-01T02:00:00Z' }, 'trigger'],
  ['no trigger', { reason: 'monthly' }, 'trigger'],
  ['a console start without a reason', { trigger: 'console' }, 'reason'],
  ['a reason of white space', { trigger: 'console', reason: '  ' }, 'reason'],
  ['a reason of more than 500 characters', { trigger: 'console', reason: 'x'.repeat(501) }, 'reason'],
  ['a schedule without its time', { trigger: 'schedule' }, 'scheduledTime'],
  ['a time that is none', { trigger: 'schedule', scheduledTime: 'Tuesday' }, 'scheduledTime'],
  ['a time without a zone', { trigger: 'schedule', scheduledTime: '2026-09-01T02:00:00' }, 'scheduledTime'],
  ['an unknown mode', { trigger: 'console', reason: 'r', mode: 'rerun' }, 'mode'],
  ['a resume of nothing', { trigger: 'console', reason: 'r', mode: 'resume' }, 'resumeRunId'],
  ['a refresh of a run', { trigger: 'console', reason: 'r', resumeRunId: '20260901T020000Z-7f3a' }, 'resumeRunId'],
  [
    'a run id of another form',
    { trigger: 'console', reason: 'r', mode: 'resume', resumeRunId: 'run-1' },
    'resumeRunId',
  ],
  [
    'a rebuild by the schedule',
    { trigger: 'schedule', scheduledTime: '2026-09-01T02:00:00Z', mode: 'rebuild' },
    'mode',
  ],
  ['a rebuild that rewrites', { trigger: 'console', reason: 'r', mode: 'rebuild', rewrite: true }, 'rewrite'],
  [
    'a rebuild of a run',
    { trigger: 'console', reason: 'r', mode: 'rebuild', resumeRunId: '20260901T020000Z-7f3a' },
    'resumeRunId',
  ],
  ['an unknown cohort source', { trigger: 'console', reason: 'r', cohort: { source: 'ftp' } }, 'cohort'],
  ['a cohort file without its key', { trigger: 'console', reason: 'r', cohort: { source: 's3' } }, 'cohort'],
  ['a cohort file of an empty key', { trigger: 'console', reason: 'r', cohort: { source: 's3', key: '' } }, 'cohort'],
  [
    'a key with the FHIR store',
    { trigger: 'console', reason: 'r', cohort: { source: 'fhir-store', key: 'k' } },
    'cohort',
  ],
])('a start with %s is refused and names the field', (_, input, field) => {
  const { error } = read(input);
  expect(error?.issues.map(({ path }) => path.slice(0, 2).join('.'))).toEqual([`input.${field}`]);
});

it('refuses members that it does not know, so that a misspelt one is not passed over', () => {
  const { error } = read({ trigger: 'console', reason: 'r', resumeRunID: '20260901T020000Z-7f3a' });
  expect(error?.issues).toMatchObject([{ code: 'unrecognized_keys', keys: ['resumeRunID'] }]);
});

test.each([
  ['a schedule', { trigger: 'schedule', scheduledTime: '2026-09-01T03:00:00+01:00' }, 'refresh'],
  ['a console start', { trigger: 'console', reason: 'asked by IG' }, 'refresh'],
  ['a dry run', { trigger: 'console', reason: 'r', mode: 'dry-run' }, 'dry-run'],
  [
    'a dry run over a run',
    { trigger: 'console', reason: 'r', mode: 'dry-run', resumeRunId: '20260901T020000Z-7f3a' },
    'dry-run',
  ],
  ['a resume', { trigger: 'console', reason: 'r', mode: 'resume', resumeRunId: '20260901T020000Z-7f3a' }, 'resume'],
  ['a rebuild', { trigger: 'console', reason: 'r', mode: 'rebuild' }, 'rebuild'],
  ['a cohort file', { trigger: 'console', reason: 'r', cohort: { source: 's3', key: 'cohorts/a.csv' } }, 'refresh'],
])('%s is taken', (_, input, mode) => {
  expect(read(input).data?.input.mode).toBe(mode);
});
