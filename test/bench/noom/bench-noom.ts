import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDeployment } from '../../../local/assembly/deployment.ts';
import { synthesize } from '../../../local/assembly/synthesize.ts';
import { namespaceOf, startRuntime, type Runtime } from '../../../local/runner/runtime.ts';
import { FhirStore } from '../../../shared/fhir/store.ts';
import { checkConsent } from '../../../shared/noom/check-consent.ts';
import { toR4 } from '../../../shared/noom/r4-consent.ts';
import { digitsOf, validFrom } from '../../support/nhs-numbers.ts';
import { eventOf } from '../../support/noom-api.ts';
import { preference, referenceTo } from '../../support/preferences.ts';
import { ours } from '../contest.ts';
import { median, type NoomLine } from '../table.ts';

const calls = 500;
const warmUpCalls = 100;
const callsAtOnce = 8;

/** One way to do what a client wants, about one person. */
interface Contender {
  readonly name: string;
  readonly create: (nhsNumber: number) => Promise<void>;
  readonly search: (nhsNumber: number) => Promise<void>;
}

interface Measured {
  readonly seconds: number;
  readonly milliseconds: readonly number[];
}

/**
 * Preferences a second through the function as it is deployed, in the Lambda host and over the HealthLake stand-in; beside the
 * same Consents written to the stand-in itself and searched there. API Gateway, which would hold it back, is left out.
 *
 * @throws Error where a call is answered otherwise than it must be
 */
export async function benchNoom({ runs }: { readonly runs: number }): Promise<NoomLine[]> {
  const { directory: assembly } = await synthesize(join(import.meta.dirname, '../../..'));
  const directory = await mkdtemp(join(tmpdir(), 'ndop-bench-noom-'));
  const runtime = await startRuntime({
    deployment: await readDeployment(assembly),
    directory,
    settings: {},
    waitScale: 1,
    meshPort: 0,
    isMutualTls: false,
    hasSeparateStore: false,
    onLog: () => undefined,
    onMeshRequest: () => undefined,
    onNotification: () => undefined,
  });
  try {
    const contenders = [throughTheApi(runtime), inTheStore(runtime)];
    const measured = new Map<string, Measured[]>();
    let last = 999_000_000;
    const people = (count: number) =>
      Array.from({ length: count }, () => {
        const nhsNumber = validFrom(last + 1);
        last = Math.floor(nhsNumber / 10);
        return nhsNumber;
      });
    for (let run = 0; run < runs; run += 1) {
      for (const { name, ...tasks } of contenders) {
        for (const [group, isTimed] of [
          [people(warmUpCalls), false],
          [people(calls), true],
        ] as const) {
          for (const [task, work] of Object.entries(tasks)) {
            const one = await timeOf(group, work);
            const key = `${task} ${name}`;
            if (isTimed) measured.set(key, [...(measured.get(key) ?? []), one]);
          }
        }
      }
    }
    return (['create', 'search'] as const).flatMap((task) => {
      const of = ({ name }: Contender) => measured.get(`${task} ${name}`) ?? [];
      const secondsOf = (contender: Contender) => median(of(contender).map(({ seconds }) => seconds));
      return contenders.map((contender) => ({
        task: `Preference ${task === 'create' ? 'registered' : 'searched'}`,
        contender: contender.name,
        runs,
        calls,
        seconds: secondsOf(contender),
        p50Milliseconds: median(of(contender).map(({ milliseconds }) => quantile(milliseconds, 0.5))),
        p99Milliseconds: median(of(contender).map(({ milliseconds }) => quantile(milliseconds, 0.99))),
        ratio: secondsOf(contender) / secondsOf(contenders[0] ?? contender),
      }));
    });
  } finally {
    await runtime.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** As API Gateway hands calls on, eight at once: each to an execution environment of its own. */
function throughTheApi({ lambda, deployment }: Runtime): Contender {
  const functionArn = deployment.httpApi?.functionArn ?? '';
  const { signal } = new AbortController();
  const call = async (method: string, target: string, expected: number, sent?: object) => {
    const body = sent && Buffer.from(JSON.stringify(sent)).toString('base64');
    const headers = sent ? { 'content-type': 'application/fhir+json' } : {};
    const outcome = await lambda.invoke(functionArn, eventOf(method, target, headers, body), { signal });
    const { statusCode, body: answered } = ('payload' in outcome ? outcome.payload : {}) as {
      statusCode?: number;
      body?: string;
    };
    if (statusCode !== expected) throw new Error(`The API answered ${statusCode}, not ${expected}`);
    return answered ?? '';
  };
  return {
    name: ours,
    create: async (nhsNumber) => {
      await call('POST', '/Consent', 201, preference(nhsNumber));
    },
    search: async (nhsNumber) => {
      const target = `/Consent?patient=${encodeURIComponent(referenceTo(nhsNumber))}`;
      if (!(await call('GET', target, 200)).includes('"total":1,')) throw new Error('The API did not find one Consent');
    },
  };
}

function inTheStore({ consentStore, operator, deployment }: Runtime): Contender {
  const store = new FhirStore({ baseUrl: consentStore.baseUrl, region: 'eu-west-2', credentials: operator });
  const namespace = namespaceOf(deployment);
  return {
    name: 'bare FHIR store',
    create: async (nhsNumber) => {
      const { consent } = checkConsent(preference(nhsNumber), { nhsNumberBlocks: ['test'] });
      const resource = toR4(consent, { id: randomUUID(), namespace, requestId: 'bench', patient: undefined });
      if ((await store.put(resource, 'none')) === undefined) throw new Error('The store did not take a Consent');
    },
    search: async (nhsNumber) => {
      const system = 'https://fhir.nhs.uk/Id/nhs-number';
      const found: unknown[] = [];
      const parameters = { 'patient:identifier': `${system}|${digitsOf(nhsNumber)}` };
      for await (const consent of store.search('Consent', parameters)) found.push(consent);
      if (found.length !== 1) throw new Error(`The store found ${found.length} Consents, not one`);
    },
  };
}

async function timeOf(people: readonly number[], work: (nhsNumber: number) => Promise<void>): Promise<Measured> {
  const milliseconds: number[] = [];
  const left = people.values();
  const began = performance.now();
  await Promise.all(
    Array.from({ length: callsAtOnce }, async () => {
      for (const nhsNumber of left) {
        const from = performance.now();
        await work(nhsNumber);
        milliseconds.push(performance.now() - from);
      }
    }),
  );
  return { seconds: (performance.now() - began) / 1000, milliseconds };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
