/** A contender as a program: writes the Consents of a change file to a store, in its way, and prints what that took. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Hash } from '@smithy/hash-node';
import { SignatureV4 } from '@smithy/signature-v4';
import { writeConsents, type WriteConsentsDeps } from '../../../functions/write-consents/write-consents.ts';
import { batchSize } from '../../../shared/fhir/batch.ts';
import { consentOf, type Consent } from '../../../shared/fhir/consent.ts';
import { parseIdKey } from '../../../shared/fhir/consent-id.ts';
import { FhirStore } from '../../../shared/fhir/store.ts';
import { writeBatch, type Write } from '../../../shared/fhir/write-batch.ts';
import { readChanges } from '../../../shared/ndop/changes.ts';
import { measure } from '../measure.ts';
import { signer } from './store-process.ts';

const [contender = '', baseUrl = '', changesPath = '', warmUpRows = '0'] = process.argv.slice(2);
const region = 'eu-west-2';
const callsAtOnce = 8;
const runId = '20261101T020000Z-0000';
const consent = {
  idKey: parseIdKey('07'.repeat(32)),
  namespace: 'https://fhir.example.nhs.uk/ndop',
  patientReference: 'literal',
} as const;

const lines = readFileSync(changesPath, 'utf8').split(/(?<=\n)/);
const [warmUp, changes] = [lines.slice(0, Number(warmUpRows)), lines.slice(Number(warmUpRows))];

/** The step as it is, its ledger in memory; without Provenances, which the others do not write either. */
async function ours(rows: readonly string[]): Promise<void> {
  const bytes = Buffer.from(rows.join(''));
  const changeFile = { key: 'bench', sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
  const reconciled = { changeFiles: { others: [changeFile] }, optedOut: 0, notOptedOut: rows.length };
  const input = { runId, execution: 'bench', pass: 'others', part: 1, file: 1 } as const;
  const { written, setAside } = await writeConsents(input, {
    ...{ consent, odsCode: undefined, concurrency: callsAtOnce, now: () => new Date(), leaseSeconds: 7_200 },
    ...{
      runs: { read: () => Promise.resolve({ opening: 1 }) },
      parts: { read: () => Promise.resolve({ reconciled }) },
      latest: { beginWriting: () => Promise.resolve(true) },
      writes: { begin: () => Promise.resolve('try'), end: () => Promise.resolve() },
      consentWrites: { find: () => Promise.resolve(undefined), put: () => Promise.resolve() },
      consentImports: { find: () => Promise.resolve(undefined), findFile: () => Promise.resolve(undefined) },
      mailbox: { renewLease: () => Promise.resolve() },
      files: { readVerified: () => Promise.resolve(bytes) },
    },
    writeBatch: (writes: readonly Write[]) => writeBatch(store, writes, { namespace: consent.namespace, runId }),
    writeProvenances: () => Promise.resolve(0),
  } as unknown as WriteConsentsDeps);
  if (written !== rows.length) throw new Error(`${written} of ${rows.length} written, ${setAside} set aside`);
}
const store = new FhirStore({ baseUrl, region, callsAtOnce, credentials: signer });

const signature = new SignatureV4({
  ...{ service: 'healthlake', region, credentials: signer, sha256: Hash.bind(null, 'sha256') },
});
async function signed(method: string, url: URL, body: string): Promise<() => Promise<unknown>> {
  const { headers } = await signature.sign({
    ...{ method, protocol: url.protocol, hostname: url.hostname, path: url.pathname, body },
    headers: { host: url.host, 'content-type': 'application/fhir+json' },
  });
  return async () => {
    const response = await fetch(url, { method, headers, body });
    if (!response.ok) throw new Error(`Answered ${response.status}`);
    return response.json();
  };
}

async function consentsOf(rows: readonly string[]): Promise<Consent[]> {
  const consents: Consent[] = [];
  for await (const { optOut, patientId } of readChanges(chunksOf(rows))) {
    consents.push(consentOf(optOut, patientId, { ...consent, runId }));
  }
  return consents;
}

async function* chunksOf(rows: readonly string[]): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(rows.join('')));
}

/** What one would write first: one PUT after another. */
async function puts(consents: readonly Consent[]): Promise<void> {
  for (const one of consents) {
    const send = await signed('PUT', new URL(`Consent/${one.id}`, baseUrl), JSON.stringify(one));
    await send();
  }
}

/** The floor: Bundles that are built and signed beforehand, posted as they are, whatever is answered. */
async function bundlesOf(consents: readonly Consent[]): Promise<(() => Promise<unknown>)[]> {
  const bundles = [];
  for (let from = 0; from < consents.length; from += batchSize) {
    const entry = consents
      .slice(from, from + batchSize)
      .map((resource) => ({ resource, request: { method: 'PUT', url: `Consent/${resource.id}` } }));
    const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry });
    bundles.push(await signed('POST', new URL(baseUrl), bundle));
  }
  return bundles;
}

async function post(bundles: (() => Promise<unknown>)[]): Promise<void> {
  const posters = Array.from({ length: callsAtOnce }, async () => {
    for (let send = bundles.shift(); send; send = bundles.shift()) await send();
  });
  await Promise.all(posters);
}

const contenders: Readonly<Record<string, (rows: readonly string[]) => Promise<() => Promise<void>>>> = {
  ours: (rows) => Promise.resolve(() => ours(rows)),
  puts: async (rows) => {
    const consents = await consentsOf(rows);
    return () => puts(consents);
  },
  floor: async (rows) => {
    const bundles = await bundlesOf(await consentsOf(rows));
    return () => post(bundles);
  },
};
const prepare = contenders[contender];
if (!prepare) throw new Error(`There is no contender ${contender}`);
if (warmUp.length > 0) await (await prepare(warmUp))();
process.stdout.write(JSON.stringify(await measure(await prepare(changes))));
