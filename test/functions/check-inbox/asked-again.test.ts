import { describe, expect, it } from '@jest/globals';
import { digitsOf, samplePeople } from '../../support/nhs-numbers.ts';
import { InMemoryPipeline, jobNotice } from '../../support/pipeline.ts';

const day = 86_400;
const answer = samplePeople.map((number) => `${digitsOf(number)},\r\n`).join('');

describe('a part that was asked about again', () => {
  it('is answered by the second request, not by a late answer to the first', async () => {
    const { pipeline, first, second } = await askedAgain([]);
    pipeline.mesh.deliver({ localId: first }, '9993395633,\r\n');
    expect(await pipeline.check()).toMatchObject({ waiting: 1, answered: [] });
    pipeline.mesh.deliver({ localId: second }, answer);
    expect(await pipeline.check()).toMatchObject({ waiting: 0, answered: [1] });
    const { reply } = await pipeline.part(1);
    expect(pipeline.files.text(reply!.body.key)).toBe(answer);
  });

  it('is not failed by a report about the first request once MESH has taken the second', async () => {
    const { pipeline, firstMessage } = await askedAgain([]);
    pipeline.mesh.deliver({ messageType: 'REPORT', linkedMessageId: firstMessage, statusCode: '14' });
    expect(await pipeline.check()).toMatchObject({ waiting: 1 });
  });

  it('takes no blank reply to the first request for the answer to the second', async () => {
    const { pipeline, second } = await askedAgain(['\r\n']);
    pipeline.mesh.deliver({ localId: second }, jobNotice());
    expect(await pipeline.check()).toMatchObject({ waiting: 1, answered: [] });
  });

  it('waits for its own job notice before a blank reply counts', async () => {
    const { pipeline, second } = await askedAgain([jobNotice()]);
    pipeline.mesh.deliver({ localId: second }, '\r\n');
    expect(await pipeline.check()).toMatchObject({ waiting: 1, answered: [] });
  });

  it('is not failed by a report about the first request while the sending of the second is unsure', async () => {
    const { pipeline, firstMessage } = await askedAgain([], 'unsure');
    pipeline.mesh.deliver({ messageType: 'REPORT', linkedMessageId: firstMessage, statusCode: '14' });
    expect(await pipeline.check()).toMatchObject({ waiting: 1 });
  });
});

/** A part whose first request was given up after these replies, and whose second one is out. */
async function askedAgain(replies: readonly string[], secondSend: 'taken' | 'unsure' = 'taken') {
  const pipeline = new InMemoryPipeline();
  pipeline.cohort = samplePeople;
  await pipeline.open();
  await pipeline.build();
  await pipeline.stage(1);
  await pipeline.send(1);
  const [{ control, messageId: firstMessage }] = pipeline.mesh.sent as [(typeof pipeline.mesh.sent)[0]];
  for (const body of replies) pipeline.mesh.deliver({ localId: control.localId }, body);
  await pipeline.check();
  pipeline.clock.advance(6 * day);
  await pipeline.check();
  expect((await pipeline.part(1)).state).toBe('overdue');

  await pipeline.stage(1);
  if (secondSend === 'unsure') pipeline.mesh.send = () => Promise.resolve({ outcome: 'unknown', reason: 'timed out' });
  await pipeline.send(1);
  const second = (await pipeline.part(1)).request!.localId;
  return { pipeline, first: control.localId, firstMessage, second };
}
