/** What the shell can do: `sort` and `comm`, with all the threads and memory that they take by themselves. */
import { spawn } from 'node:child_process';
import { readAssignment, type Assignment } from '../contend.ts';
import { measureChildren } from './measure-children.ts';

/** `sort` is given files, not pipes: it takes memory by the size of what it can see. The header sorts last. */
const scripts: Readonly<Record<string, string>> = {
  build: 'sort -u cohort-csv/cohort.csv | head -n -1 > "$ANSWER/cohort.csv"',
  stage: `cat cohort/* | sed 's/$/\\r/' > "$ANSWER/request.dat"`,
  reconcile: `
    sort cohort/* -o "$ANSWER/cohort.tmp"
    sort reply/* | tr -d '\\r' > "$ANSWER/reply.tmp"
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

const assignment = readAssignment();
process.stdout.write(JSON.stringify(await measureChildren(() => run(assignment))));
