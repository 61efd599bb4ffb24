import { checkImport } from '../../functions/check-import/check-import.ts';
import { findUnimported } from '../../functions/find-unimported/find-unimported.ts';
import { startImport } from '../../functions/start-import/start-import.ts';
import { writeImportFiles } from '../../functions/write-import-files/write-import-files.ts';
import { InMemoryImports, outputFolder } from './in-memory-imports.ts';
import { InMemoryPipeline } from './pipeline.ts';

export type WeighedFiles = Awaited<ReturnType<InMemoryPipeline['weigh']>>['files'];
type Files = WeighedFiles['others'];

/** A pipeline whose runs import the Consents that withhold nobody. */
export class ImportingPipeline extends InMemoryPipeline {
  readonly imports = new InMemoryImports(this.files, this.store);

  importDeps() {
    const { runId, imports, ledger, files } = this;
    return {
      ...this.deps(),
      consentImports: ledger.consentImports,
      files,
      deadlineSeconds: 3_600,
      startImport: (name: string) => imports.start(name),
      describeImport: async (jobId: string) => {
        const { attempt } = await ledger.consentImports.read(runId);
        return imports.describe(runId, jobId, attempt);
      },
      outputFiles: (jobId: string, attempt: number) => files.list(outputFolder(runId, jobId, attempt)),
    };
  }

  async writeFiles(files: Files) {
    return writeImportFiles({ ...this.#input(), files: [...files] }, this.importDeps());
  }

  async startJob() {
    return startImport(this.#input(), this.importDeps());
  }

  async checkJob(waitedSeconds = 0) {
    return checkImport({ ...this.#input(), waitedSeconds }, this.importDeps());
  }

  async findLeft(files: Files) {
    return findUnimported({ ...this.#input(), files: [...files] }, this.importDeps());
  }

  /** What the import is asked to do, and says that it has done, as the state machine goes. */
  async importAll(files: Files) {
    await this.writeFiles(files);
    if (!(await this.startJob()).isStarted) return;
    await this.checkJob();
    await this.findLeft(files);
  }

  /** From the changes to the close, as the state machine goes. */
  async writeAllByImport(files: WeighedFiles) {
    for (const { part, file } of files.activations) await this.write('activations', part, file);
    await this.importAll(files.others);
    return this.writeAll(files);
  }

  #input() {
    return { runId: this.runId, execution: this.execution };
  }
}
