import { consentIdOf, parseIdKey } from '../../shared/fhir/consent-id.ts';
import type { Expiring } from '../../shared/ndop/expiring.ts';
import { readManifest } from '../../shared/ndop/read-manifest.ts';
import { samplePeople } from './nhs-numbers.ts';
import { Killed, Mortality } from './mortal.ts';
import { InMemoryFhirStore } from './in-memory-fhir-store.ts';
import { InMemoryPipeline } from './pipeline.ts';

export const day = 86_400;
export const idKey = parseIdKey('07'.repeat(32));
/** Those of the first part, then those of the second. */
export const people: readonly number[] = [...samplePeople].sort((a, b) => a - b);

/** Weeks with and without answers for two parts of four people each. The steps of an expiry can be stopped at any call. */
export class Weeks extends InMemoryPipeline {
  readonly mortality = new Mortality();
  override readonly store = this.mortality.of('store', new InMemoryFhirStore());
  /** Whether a step that was killed is called once more, as the state machine does. */
  isRetried = false;

  constructor(settings: ConstructorParameters<typeof InMemoryPipeline>[0] = {}) {
    super({ partRows: 4, ...settings });
  }

  override deps() {
    const deps = super.deps();
    const { latest, mailbox, files, writes, parts, postMarker, notify } = deps;
    return {
      ...deps,
      latest: this.mortality.of('latest', latest),
      mailbox: this.mortality.of('mailbox', mailbox),
      files: this.mortality.of('files', files),
      writes: this.mortality.of('writes', writes),
      parts: this.mortality.of('parts', parts),
      ...this.mortality.of('world', { postMarker, notify }),
    };
  }

  override freshness(execution?: string) {
    return this.#retried(() => super.freshness(execution));
  }

  override expireSome(due: Expiring, execution?: string) {
    return this.#retried(() => super.expireSome(due, execution));
  }

  override recordExpiry(expired: readonly Expiring[], execution?: string) {
    return this.#retried(() => super.recordExpiry(expired, execution));
  }

  #retried<Output>(step: () => Promise<Output>): Promise<Output> {
    return step().catch((error: unknown) => {
      if (!this.isRetried || !(error instanceof Killed)) throw error;
      this.mortality.revive();
      return step();
    });
  }

  next(reason: string) {
    this.execution = `arn:execution:${reason}`;
    return { trigger: 'console', reason };
  }

  /** A run of which the second part gets no answer. */
  async runHalf(truth: ReadonlySet<number>) {
    this.cohort = people;
    await this.open(this.next('half'));
    const { parts } = await this.build();
    const before = this.mesh.sent.length;
    for (const part of parts) await this.stage(part);
    for (const part of parts) await this.send(part);
    this.answer(this.mesh.sent[before]!, truth);
    this.clock.advance(5 * day);
    for (const part of (await this.check(5 * day)).answered) await this.reconcile(part);
    return this.writeAll((await this.weigh()).files);
  }

  /** What the store says of everybody. */
  statuses() {
    return people.map((person) => this.consents.get(consentIdOf(person, idKey))?.status ?? 'none');
  }

  async manifest() {
    const { manifestKey, manifestSha256 } = this.ledger.latest.present!;
    return readManifest(this.files, { key: manifestKey, sha256: manifestSha256 });
  }
}
