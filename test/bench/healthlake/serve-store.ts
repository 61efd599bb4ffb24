/**
 * The HealthLake stand-in in a process of its own, in memory. Prints its base URL; told to stop, prints what it came to.
 * Given a number, it lets through no more than so many write units, and so many reads, a second.
 */
import { createHash } from 'node:crypto';
import { startHealthLake } from '../../../local/healthlake/healthlake.ts';
import { signer, type StoreFigures } from './store-process.ts';

const [perSecond] = process.argv.slice(2);
const store = await startHealthLake({
  datastoreId: '0123456789abcdef0123456789abcdef',
  credentials: new Map([[signer.accessKeyId, signer.secretAccessKey]]),
});
if (perSecond !== undefined) {
  store.quota = { writeUnitsPerSecond: Number(perSecond), readsPerSecond: Number(perSecond) };
}
process.stdout.write(`${JSON.stringify({ listening: store.baseUrl })}\n`);

process.once('SIGTERM', () => {
  const hash = createHash('sha256');
  for (const consent of store.resources('Consent')) {
    const meta = { ...(consent.meta as object), versionId: undefined, lastUpdated: undefined };
    hash.update(JSON.stringify({ ...consent, meta }));
  }
  const { writes, writeUnits, throttledEntries } = store.counters;
  const figures: StoreFigures = { writes, writeUnits, throttledEntries, sha256: hash.digest('hex') };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
  void store.close();
});
