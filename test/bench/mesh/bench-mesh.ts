import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { median, type BenchLine } from '../table.ts';
import { Contenders, type Measured, type Transfer } from './contenders.ts';
import { payloadSha256 } from './payload.ts';

const root = join(import.meta.dirname, '../../..');

/**
 * Moves the same bytes through the MESH stand-in with our client, and as raw `node:http` streams: what the protocol and
 * our client cost. A result that is not what was sent stops the bench.
 *
 * @throws Error where bytes were lost or changed
 */
export async function benchMesh({ megabytes, runs }: { megabytes: number; runs: number }): Promise<BenchLine[]> {
  const bytes = megabytes * 1_000_000;
  const sha256 = payloadSha256(bytes);
  const directory = await mkdtemp(join(tmpdir(), 'ndop-bench-'));
  const raw = await serve(join(import.meta.dirname, 'raw-server.ts'));
  const mesh = await serve(join(root, 'local/mesh/main.ts'), '--port', '0', '--json', '--directory', directory);
  const contenders = await Contenders.prepare();
  const measured = new Map<string, Measured[]>();
  const measure = async (task: Transfer['task'], isCompressed: boolean, right: string): Promise<void> => {
    const url = task.startsWith('raw') ? raw.url : mesh.url;
    const one = await contenders.measure({ task, isCompressed, url, megabytes });
    const name = nameOf(task, isCompressed);
    if (one.result !== right) throw new Error(`${name}: ${one.result}, expected ${right}`);
    measured.set(name, [...(measured.get(name) ?? []), one]);
  };
  try {
    for (let count = 0; count < runs; count += 1) {
      await measure('raw send', false, 'complete');
      await measure('raw receive', false, sha256);
      for (const isCompressed of [false, true]) {
        await measure('mesh send', isCompressed, 'complete');
        await measure('mesh receive', isCompressed, sha256);
      }
    }
  } finally {
    for (const { child } of [raw, mesh]) child.kill('SIGTERM');
    await contenders.remove();
    await rm(directory, { recursive: true, force: true });
  }
  return (['send', 'receive'] as const).flatMap((way) => {
    const rival = nameOf(`raw ${way}`, false);
    const line = (contender: string, name: string): BenchLine => {
      const runsOf = (which: string, figure: (one: Measured) => number) =>
        median((measured.get(which) ?? []).map(figure));
      const seconds = runsOf(name, (one) => one.seconds);
      return {
        ...{ task: way, contender, bytes, seconds },
        megabytesPerSecond: megabytes / seconds,
        peakMemoryMiB: runsOf(name, (one) => one.peakMemoryMiB),
        ratio: runsOf(rival, (one) => one.seconds) / seconds,
      };
    };
    return [
      line('raw node:http', rival),
      line('MESH', nameOf(`mesh ${way}`, false)),
      line('MESH, sent gzipped', nameOf(`mesh ${way}`, true)),
    ];
  });
}

function nameOf(task: Transfer['task'], isCompressed: boolean): string {
  return `${task} ${isCompressed ? 'gzip' : 'plain'}`;
}

/** Starts a server in a process of its own and reads its address off its first line. */
async function serve(...args: string[]): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => {
      reject(new Error(`${args[0] ?? ''} ended before it listened`));
    });
    lines.once('line', (first) => {
      resolve((JSON.parse(first) as { listening: string }).listening);
    });
  });
  return { url, child };
}
