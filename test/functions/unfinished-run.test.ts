import { expect, it } from '@jest/globals';
import { consentIdOf } from '../../shared/fhir/consent-id.ts';
import { sampleOptedOut, samplePeople } from '../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../support/pipeline.ts';

const nextWeek = { trigger: 'schedule', scheduledTime: '2026-09-08T02:00:00Z' };
const rewrite = { trigger: 'console', reason: 'after the stopped run', rewrite: true };

const activeIn = (pipeline: InMemoryPipeline) =>
  [...pipeline.consents.values()].filter(({ status }) => status === 'active').length;

/** A month in which nobody was opted out, then a run that stopped after its activations. */
async function stoppedWhileWriting(): Promise<InMemoryPipeline> {
  const pipeline = new InMemoryPipeline();
  await pipeline.run([...samplePeople], new Set());
  pipeline.execution = 'arn:execution:stopped';
  await pipeline.open({ trigger: 'console', reason: 'second' });
  for (const part of await pipeline.ask([...samplePeople], sampleOptedOut)) await pipeline.reconcile(part);
  const { files } = await pipeline.weigh();
  for (const { part, file } of files.activations) await pipeline.write('activations', part, file);
  pipeline.ledger.mailbox.lease = undefined;
  pipeline.execution = 'arn:execution:next';
  return pipeline;
}

it('keeps every other run out: compared with the snapshot, what it wrote would stay unseen', async () => {
  const pipeline = await stoppedWhileWriting();
  const stopped = pipeline.runId;
  await expect(pipeline.open(nextWeek)).rejects.toMatchObject({
    name: 'RunUnfinished',
    message: expect.stringContaining(stopped),
  });
});

it('is finished by a resume', async () => {
  const pipeline = await stoppedWhileWriting();
  await pipeline.open({ trigger: 'console', mode: 'resume', resumeRunId: pipeline.runId, reason: 'go on' });
  const { files } = await pipeline.weigh();
  for (const pass of ['activations', 'others'] as const) {
    for (const { part, file } of files[pass]) await pipeline.write(pass, part, file);
  }
  expect(await pipeline.close()).toMatchObject({ outcome: 'Completed' });
  expect(activeIn(pipeline)).toBe(sampleOptedOut.size);
  pipeline.execution = 'arn:execution:after';
  expect(await pipeline.open(nextWeek)).toMatchObject({ disposition: 'opened' });
});

it('keeps out a run that rewrites everybody too: whom the stopped one alone knew, that would never look at', async () => {
  const pipeline = await stoppedWhileWriting();
  await expect(pipeline.open(rewrite)).rejects.toMatchObject({ name: 'RunUnfinished' });
});

it('is made good by a rebuild and the run after it', async () => {
  const pipeline = await stoppedWhileWriting();
  expect(activeIn(pipeline)).toBe(sampleOptedOut.size);
  await pipeline.rebuildAll([...samplePeople]);
  pipeline.execution = 'arn:execution:after';
  const { outcome } = await pipeline.run([...samplePeople], new Set(), nextWeek);
  expect(outcome).toBe('Completed');
  expect(activeIn(pipeline)).toBe(0);
});

it('has nobody forgotten whom it wrote about and who has left since: their Consents are retired', async () => {
  const [leaver = 0, ...stayers] = [...samplePeople].sort((a, b) => a - b);
  const pipeline = new InMemoryPipeline({ partRows: 3 });
  await pipeline.open();
  for (const part of await pipeline.ask([...samplePeople])) await pipeline.reconcile(part);
  const { files } = await pipeline.weigh();
  for (const { part, file } of files.others) await pipeline.write('others', part, file);
  pipeline.ledger.mailbox.lease = undefined;
  pipeline.execution = 'arn:execution:next';
  await pipeline.rebuildAll(stayers);
  expect(pipeline.published.at(-1)!.rebuild).toMatchObject({ former: 1, beyondCohort: 0 });
  pipeline.execution = 'arn:execution:after';
  await pipeline.run(stayers, new Set(), nextWeek);
  expect(pipeline.published.at(-1)!.changes).toMatchObject({ retired: 1 });
  expect(pipeline.consents.has(consentIdOf(leaver, pipeline.deps().consent.idKey))).toBe(false);
});
