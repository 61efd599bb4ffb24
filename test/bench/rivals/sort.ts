/** What the shell can do: `sort` and `comm`, with all the threads and memory that they take by themselves. */
import { spawn } from 'node:child_process';
import { contend, type Assignment } from '../contend.ts';
import { measureChildren } from './measure-children.ts';

const scripts: Readonly<Record<string, string>> = {
  build: 'tail -n +2 cohort-csv/cohort.csv | sort -u -o "$ANSWER/cohort.csv"',
  stage: `cat cohort/* | sed 's/$/\\r/' > "$ANSWER/request.dat"`,
  reconcile: `
    cat cohort/* | sort -o "$ANSWER/cohort.tmp"
    cat reply/* | tr -d '\\r' | sort -o "$ANSWER/reply.tmp"
    comm -23 "$ANSWER/cohort.tmp" "$ANSWER/reply.tmp" | tr -d , > "$ANSWER/opted-out.txt"
    rm "$ANSWER/cohort.tmp" "$ANSWER/reply.tmp"`,
};

function run({ data, answer, args }: Assignment): Promise<void> {
  const script = scripts[args[0] ?? ''] ?? 'false';
  const shell = spawn('sh', ['-e', '-c', script], {
    cwd: data.directory,
    env: { ...process.env, LC_ALL: 'C', ANSWER: answer },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    shell.once('error', reject);
    shell.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`The shell ended with ${code}`));
    });
  });
}

await contend(run, measureChildren);
