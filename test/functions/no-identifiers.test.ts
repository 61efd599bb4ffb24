import { expect, it, jest } from '@jest/globals';
import { log } from '../../shared/log.ts';
import { ledgerItems } from '../support/in-memory-ledger.ts';
import { digitsOf, syntheticNumbers } from '../support/nhs-numbers.ts';
import { InMemoryPipeline } from '../support/pipeline.ts';

const people = syntheticNumbers(300);
const optedOut = new Set(people.filter((_, index) => index % 18 === 0));
// The last digit follows from the nine before it, so those name a person as well as all ten.
const named = new RegExp(people.map((number) => digitsOf(number).slice(0, 9)).join('|'));

it('a run tells nobody outside its files whom it is about', async () => {
  const logged: unknown[] = [];
  for (const level of ['info', 'warn', 'error'] as const) {
    jest.spyOn(log, level).mockImplementation((...given) => void logged.push(given));
  }
  const pipeline = new InMemoryPipeline({ partRows: 40, changeFileRows: 25 });
  await pipeline.run(people, optedOut);

  // The second run goes through what the first has no need of: refusals, a review, a failure and a resume.
  pipeline.clock.advance(7 * 86_400);
  pipeline.execution = 'arn:execution:second';
  await pipeline.open({ trigger: 'console', reason: 'again' });
  const answered = await pipeline.ask(people.slice(3), new Set([...optedOut].slice(1)));
  const [first = 0, ...rest] = answered;
  for (const part of rest) await pipeline.reconcile(part);
  const localId = (await pipeline.part(first)).request!.localId;
  pipeline.mesh.deliver({ localId }, `${digitsOf(people[0]!)},\r\nnot a number\r\n`);
  pipeline.mesh.deliver({ localId, messageType: 'REPORT', statusCode: '14', statusDescription: digitsOf(people[1]!) });
  await pipeline.check(900);
  await pipeline.weigh([{ part: first, failure: await refusalOf(pipeline, first) }]);
  await pipeline.hold();
  await pipeline.fail({ stage: 'Hold for review', error: { Error: 'ReviewOverdue', Cause: 'Nobody answered' } });
  pipeline.execution = 'arn:execution:third';
  await pipeline.open({ trigger: 'console', reason: 'resume', mode: 'resume', resumeRunId: pipeline.runId });
  await pipeline.close({ written: 0 });
  pipeline.clock.advance(40 * 86_400);
  expect(await pipeline.expire()).toBeGreaterThan(200);

  expect(pipeline.mesh.sent[0]?.body.toString()).toMatch(named);
  const told = {
    ledger: ledgerItems(pipeline.ledger),
    keys: pipeline.files.keysBelow('').join('\n'),
    history: JSON.stringify(pipeline.history),
    metrics: JSON.stringify(pipeline.measured),
    notices: JSON.stringify(pipeline.notices),
    reports: pipeline.files
      .keysBelow('runs/')
      .filter((key) => key.includes('/report/'))
      .map((key) => pipeline.files.text(key))
      .join('\n'),
    headers: JSON.stringify(pipeline.mesh.sent.map(({ control }) => control)),
    manifests: pipeline.files
      .keysBelow('snapshots/')
      .filter((key) => key.endsWith('.json'))
      .map((key) => pipeline.files.text(key))
      .join('\n'),
    consentIds: [...pipeline.consents.keys()].join('\n'),
    log: JSON.stringify(logged),
  };
  for (const [where, text] of Object.entries(told)) {
    expect({ where, isEmpty: text.length < 100 }).toEqual({ where, isEmpty: false });
    expect({ where, names: named.exec(text)?.[0] }).toEqual({ where, names: undefined });
  }
});

/** What the reconciliation of a part with a forged answer is refused for. */
async function refusalOf(pipeline: InMemoryPipeline, part: number): Promise<{ name: string; message: string }> {
  const { reply } = await pipeline.part(part);
  const body = await pipeline.files.writeOnce('inbox/forged/body', `${digitsOf(people[0]!)},\r\n9990608164,\r\n`);
  const { runId } = pipeline;
  await pipeline.ledger.parts.move(runId, part, ['answered', 'conflicting'], {
    state: 'answered',
    reply: { ...reply!, body },
  });
  const error = await pipeline.reconcile(part).then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
  expect(error?.name).toBe('ReplyHasStrangers');
  return { name: error!.name, message: error!.message };
}
