import type { JobStatus } from '../../shared/fhir/jobs.ts';
import { readLines } from '../../shared/lines.ts';
import { runFiles } from '../../shared/run-files.ts';
import type { InMemoryFhirStore } from './in-memory-fhir-store.ts';
import type { InMemoryFiles } from './in-memory-files.ts';

/** What a test makes of an import. */
export interface ImportFaults {
  /** Whether a line of a file, both counted from 0, is refused. */
  isRefused?: (resource: { readonly resourceType: string; readonly id: string }, line: number) => boolean;
  firstLineId?: 0 | 1;
  manifestName?: string;
  /** How a line of a failure log is worded. */
  failureLine?: (lineId: number) => string;
  /** Changes the manifest before it is written; undefined leaves none. */
  manifest?: (counts: Record<string, number>) => object | undefined;
  end?: JobStatus;
}

/** Import jobs over files and a store in memory: each is done at the first look at it. */
export class InMemoryImports {
  readonly started: string[] = [];
  faults: ImportFaults = {};
  readonly #files: InMemoryFiles;
  readonly #store: InMemoryFhirStore;
  readonly #ends = new Map<string, JobStatus>();

  constructor(files: InMemoryFiles, store: InMemoryFhirStore) {
    this.#files = files;
    this.#store = store;
  }

  start(name: string): Promise<string> {
    if (!this.started.includes(name)) this.started.push(name);
    return Promise.resolve(`job-${this.started.indexOf(name) + 1}`);
  }

  async describe(runId: string, jobId: string, attempt: number): Promise<JobStatus> {
    const end = this.#ends.get(jobId) ?? (await this.#carryOut(runId, jobId, attempt));
    this.#ends.set(jobId, end);
    return end;
  }

  folder(runId: string, jobId: string, attempt: number): string {
    return `${runFiles.importOutput(runId, attempt)}one-FHIR_IMPORT-${jobId}/`;
  }

  async #carryOut(runId: string, jobId: string, attempt: number): Promise<JobStatus> {
    const { isRefused = () => false, firstLineId = 1, manifestName = 'Manifest.json' } = this.faults;
    const {
      failureLine = (line: number) => `{"lineId":${line},"UpdateResourceResponse":{"jsonBlob":{},"statusCode":400}}`,
    } = this.faults;
    const { manifest = (counts: Record<string, number>) => counts } = this.faults;
    const folder = this.folder(runId, jobId, attempt);
    const input = runFiles.importInput(runId, attempt);
    let [scanned, failed] = [0, 0];
    for (const key of this.#files.keysBelow(input)) {
      const failures: string[] = [];
      let line = 0;
      for await (const text of readLines(await this.#files.open(key))) {
        const resource = JSON.parse(text) as { resourceType: string; id: string };
        scanned += 1;
        if (isRefused(resource, line)) failures.push(`${failureLine(line + firstLineId)}\n`);
        else this.#put(resource);
        line += 1;
      }
      failed += failures.length;
      const name = key.slice(input.length);
      if (failures.length > 0) await this.#files.writeOnce(`${folder}FAILURE/${name}`, failures.join(''));
    }
    const counts = {
      numberOfResourcesScanned: scanned,
      numberOfResourcesImportedSuccessfully: scanned - failed,
      numberOfResourcesWithCustomerError: failed,
      numberOfResourcesWithServerError: 0,
    };
    const written = manifest(counts);
    if (written) await this.#files.writeOnce(`${folder}${manifestName}`, JSON.stringify(written));
    return this.faults.end ?? (failed > 0 ? 'COMPLETED_WITH_ERRORS' : 'COMPLETED');
  }

  #put(resource: { readonly resourceType: string; readonly id: string }): void {
    const resources: Map<string, object> =
      resource.resourceType === 'Consent' ? this.#store.consents : this.#store.provenances;
    resources.set(resource.id, resource);
    this.#store.versions.set(resource.id, (this.#store.versions.get(resource.id) ?? 0) + 1);
  }
}
