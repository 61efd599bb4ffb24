import { expect, it } from '@jest/globals';
import { PermanentError } from '../../../shared/errors.ts';
import type { Expiring } from '../../../shared/ndop/expiring.ts';
import { day, people, Weeks } from '../../support/weeks.ts';

/** Everything is deleted, and nothing recorded. */
async function deleted(settings?: ConstructorParameters<typeof Weeks>[0]) {
  const pipeline = new Weeks(settings);
  await pipeline.run(people, new Set([people[0]!]));
  pipeline.clock.advance(14 * day);
  await pipeline.runHalf(new Set([people[0]!]));
  pipeline.clock.advance(3 * day);
  Object.assign(pipeline, { markers: [], notices: [] });
  const expired: Expiring[] = [];
  for (const due of (await pipeline.freshness()).due) expired.push(await pipeline.expireSome(due));
  return { pipeline, expired };
}

it('vouches for nothing where something that should be gone still stands', async () => {
  const { pipeline, expired } = await deleted();
  const latest = pipeline.ledger.latest.present;
  await expect(pipeline.recordExpiry(expired.map((each) => ({ ...each, kept: 1 })))).rejects.toMatchObject({
    name: 'ConsentWritesRefused',
    message: expect.stringContaining('1 Consents that may not stand any longer could not be deleted, 4 were'),
  });
  expect(pipeline.ledger.latest.present).toEqual(latest);
  expect(pipeline).toMatchObject({ markers: [], notices: [] });
});

it('records what is gone though the FHIR store refuses the marker, and says so', async () => {
  const refuse = () => Promise.reject(new PermanentError('HealthLakeRefused', 'HealthLake answered 400'));
  const { pipeline, expired } = await deleted();
  Object.assign(pipeline, { deps: () => ({ ...Weeks.prototype.deps.call(pipeline), postMarker: refuse }) });
  expect(await pipeline.recordExpiry(expired)).toEqual({ deleted: 4 });
  expect((await pipeline.manifest()).entries).toHaveLength(1);
  expect(pipeline.notices).toMatchObject([{ message: expect.stringContaining('refused the marker') }]);
});

it('marks what is fresh before the snapshot moves, so that a stop in between only does so once more', async () => {
  const { pipeline, expired } = await deleted();
  const order: string[] = [];
  pipeline.ledger.latest.move = (_, { manifestKey }) => {
    order.push(`${pipeline.markers.length} marker`, manifestKey.replace(/.*\//, ''));
    return Promise.resolve(true);
  };
  await pipeline.recordExpiry(expired);
  expect(order).toEqual(['1 marker', 'manifest-2.json']);
});

it('gives up where a run has completed meanwhile: what that knows may not have been deleted', async () => {
  const { pipeline, expired } = await deleted();
  pipeline.ledger.mailbox.lease = undefined;
  pipeline.next('rebuild');
  await pipeline.rebuildAll(people);
  const latest = pipeline.ledger.latest.present;
  await expect(pipeline.recordExpiry(expired)).rejects.toMatchObject({ name: 'SnapshotSuperseded' });
  expect(pipeline.ledger.latest.present).toEqual(latest);
});

it('stops where another run has the mailbox', async () => {
  const { pipeline, expired } = await deleted();
  pipeline.loseMailbox();
  await expect(pipeline.recordExpiry(expired)).rejects.toMatchObject({ name: 'LeaseLost' });
});
