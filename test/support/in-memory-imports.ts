import type { ImportJob } from '../../shared/fhir/import.ts';
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
  /** It ends after so many lines, and leaves no manifest. */
  lost?: { readonly afterLines: number; readonly as: LostAs };
}

/** How HealthLake speaks of a job that was lost: it may have forgotten it, or say nothing of what it has imported. */
export type LostAs = 'CANCEL_COMPLETED' | 'FAILED' | 'FAILED, and says no number' | 'forgotten';

/** Import jobs over files and a store in memory: each is done at the first look at it. */
export class InMemoryImports {
  readonly started: string[] = [];
  faults: ImportFaults = {};
  readonly #files: InMemoryFiles;
  readonly #store: InMemoryFhirStore;
  readonly #ends = new Map<string, ImportJob | undefined>();

  constructor(files: InMemoryFiles, store: InMemoryFhirStore) {
    this.#files = files;
    this.#store = store;
  }

  start(name: string): Promise<string> {
    if (!this.started.includes(name)) this.started.push(name);
    return Promise.resolve(`job-${this.started.indexOf(name) + 1}`);
  }

  async describe(runId: string, jobId: string, attempt: number): Promise<ImportJob | undefined> {
    if (!this.#ends.has(jobId)) this.#ends.set(jobId, await this.#carryOut(runId, jobId, attempt));
    return this.#ends.get(jobId);
  }

  async #carryOut(runId: string, jobId: string, attempt: number): Promise<ImportJob | undefined> {
    const { isRefused = () => false, firstLineId = 1, manifestName = 'Manifest.json' } = this.faults;
    const {
      failureLine = (line: number) => `{"lineId":${line},"UpdateResourceResponse":{"jsonBlob":{},"statusCode":400}}`,
    } = this.faults;
    const { manifest = (counts: Record<string, number>) => counts, lost } = this.faults;
    const folder = outputFolder(runId, jobId, attempt);
    const input = runFiles.importInput(runId, attempt);
    let [scanned, failed] = [0, 0];
    for (const key of this.#files.keysBelow(input)) {
      const failures: string[] = [];
      let line = 0;
      for await (const text of readLines(await this.#files.open(key))) {
        if (scanned === lost?.afterLines) return lostJob(lost.as, scanned - failed - failures.length);
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
    const status = this.faults.end ?? (failed > 0 ? 'COMPLETED_WITH_ERRORS' : 'COMPLETED');
    return { status, imported: scanned - failed };
  }

  #put(resource: { readonly resourceType: string; readonly id: string }): void {
    const resources: Map<string, object> =
      resource.resourceType === 'Consent' ? this.#store.consents : this.#store.provenances;
    resources.set(resource.id, resource);
    this.#store.versions.set(resource.id, (this.#store.versions.get(resource.id) ?? 0) + 1);
  }
}

/** Where a job writes about itself. */
export function outputFolder(runId: string, jobId: string, attempt: number): string {
  return `${runFiles.importOutput(runId, attempt)}one-FHIR_IMPORT-${jobId}/`;
}

function lostJob(as: LostAs, imported: number): ImportJob | undefined {
  if (as === 'forgotten') return undefined;
  return as === 'FAILED, and says no number' ? { status: 'FAILED' } : { status: as, imported };
}
