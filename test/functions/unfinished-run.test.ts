import { expect, it } from '@jest/globals';
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

it('is made good in two runs where the rewrite did not reach everybody', async () => {
  const people = [...samplePeople].sort((a, b) => a - b);
  const everybody = new Set(people);
  const pipeline = new InMemoryPipeline({ partRows: 4 });
  await pipeline.run(people, everybody);
  pipeline.execution = 'arn:execution:stopped';
  await pipeline.open({ trigger: 'console', reason: 'second' });
  for (const part of await pipeline.ask(people, new Set())) await pipeline.reconcile(part);
  const { files } = await pipeline.weigh();
  for (const { part, file } of files.others) await pipeline.write('others', part, file);
  pipeline.ledger.mailbox.lease = undefined;

  pipeline.execution = 'arn:execution:rewrite';
  await pipeline.open(rewrite);
  await pipeline.build();
  const sentBefore = pipeline.mesh.sent.length;
  for (const part of [1, 2]) await pipeline.stage(part);
  for (const part of [1, 2]) await pipeline.send(part);
  pipeline.answer(pipeline.mesh.sent[sentBefore]!, everybody);
  pipeline.clock.advance(432_000);
  await pipeline.check(432_000);
  await pipeline.reconcile(1);
  for (const { part, file } of (await pipeline.weigh()).files.activations)
    await pipeline.write('activations', part, file);
  expect(await pipeline.close()).toMatchObject({ outcome: 'CompletedPartially' });
  expect(activeIn(pipeline)).toBe(4);

  pipeline.execution = 'arn:execution:after';
  await pipeline.run(people, everybody, { trigger: 'console', reason: 'the next one' });
  expect(activeIn(pipeline)).toBe(8);
});

it('is made good by a run that rewrites everybody, whatever the snapshot says', async () => {
  const pipeline = await stoppedWhileWriting();
  expect(activeIn(pipeline)).toBe(sampleOptedOut.size);
  const { outcome } = await pipeline.run([...samplePeople], new Set(), rewrite);
  expect(outcome).toBe('Completed');
  expect(activeIn(pipeline)).toBe(0);
  pipeline.execution = 'arn:execution:after';
  expect(await pipeline.open(nextWeek)).toMatchObject({ disposition: 'opened' });
});
