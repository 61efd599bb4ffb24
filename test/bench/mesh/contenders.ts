import { join } from 'node:path';
import { z } from 'zod';
import { Alone } from '../alone.ts';

const measured = z.object({ seconds: z.number(), result: z.string(), peakMemoryMiB: z.number() });
export type Measured = z.infer<typeof measured>;

/** One transfer of so many megabytes, once: through MESH by our client, or raw. */
export interface Transfer {
  readonly task: 'raw send' | 'raw receive' | 'mesh send' | 'mesh receive';
  readonly isCompressed: boolean;
  /** Of the raw server or of MESH, with the mailboxes and the key that `npm run mesh` has by itself. */
  readonly url: string;
  readonly megabytes: number;
}

/** The contenders, each transfer in a process of its own. */
export class Contenders {
  readonly #program: Alone;

  private constructor(program: Alone) {
    this.#program = program;
  }

  static async prepare(): Promise<Contenders> {
    return new Contenders(await Alone.bundle(join(import.meta.dirname, 'transfer.ts')));
  }

  async measure({ task, isCompressed, url, megabytes }: Transfer): Promise<Measured> {
    const printed = await this.#program.run(task, isCompressed ? 'gzip' : 'plain', url, String(megabytes));
    return measured.parse(JSON.parse(printed));
  }

  remove(): Promise<void> {
    return this.#program.remove();
  }
}
