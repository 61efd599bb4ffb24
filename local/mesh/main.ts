/** MESH as a program of its own: `npm run mesh`. */
import { endWith, UsageError } from '../../shared/command-line.ts';
import { answerAsNdop } from '../ndop/ndop.ts';
import { readNhsNumbers } from '../people/number-file.ts';
import { readFaults, readMailboxes, readTls } from './files.ts';
import { type MeshStandIn, startMesh } from './mesh.ts';
import { type Options, readOptions, usage } from './options.ts';
import type { MeshRequest } from './request-log.ts';

/** How long the national service takes here; really it is hours. */
const noticeAfterMs = 1_000;
const answerAfterMs = 2_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What a reader of the terminal needs: no header and no body, since those may name people. */
function requestLine({ method, path, status, durationMs, fault, remark }: MeshRequest): string {
  const why = fault ?? remark;
  const answered = status === 0 ? 'no answer' : String(status);
  return `${method} ${path} ${answered} ${durationMs} ms${why === undefined ? '' : ` (${why})`}`;
}

function requestJson(request: MeshRequest): string {
  const { at, method, path, status, durationMs, requestBytes, responseBytes, fault, remark } = request;
  return JSON.stringify({ at, method, path, status, durationMs, requestBytes, responseBytes, fault, remark });
}

async function start(options: Options): Promise<MeshStandIn> {
  const { port, sharedKey, directory, deliveryDelaySeconds, maxBodyBytes, ndopMailbox } = options;
  const mailboxes = await readMailboxes(options.mailboxes);
  const faults = await readFaults(options.faults);
  const optedOut = options.optedOut === undefined ? undefined : await readNhsNumbers('--opted-out', options.optedOut);
  if (optedOut && !mailboxes.some(({ mailboxId }) => mailboxId === ndopMailbox)) {
    throw new UsageError(`--ndop-mailbox ${ndopMailbox}: there is no such mailbox`);
  }
  const tls = options.tls && (await readTls(options.tls, mailboxes));
  if (!tls && faults.some(({ kind }) => kind === 'refuse-certificate')) {
    throw new UsageError(`--faults ${options.faults ?? ''}: refuse-certificate needs --tls-dir or --tls-cert`);
  }
  const mesh = await startMesh({
    ...{ mailboxes, sharedKey, port, deliveryDelaySeconds },
    ...(directory === undefined ? {} : { directory }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
    ...(tls ? { tls } : {}),
    onRequest: (request) => {
      say(options.json ? requestJson(request) : requestLine(request));
    },
  });
  for (const fault of faults) mesh.faults.add(fault);
  if (optedOut) {
    const delayMs = deliveryDelaySeconds * 1000;
    answerAsNdop({
      mesh,
      mailboxId: ndopMailbox,
      isOptedOut: (nhsNumber) => optedOut.has(nhsNumber),
      behaviour: 'happy',
      noticeAfterMs: delayMs + noticeAfterMs,
      answerAfterMs: delayMs + answerAfterMs,
    });
  }
  return mesh;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') say(usage);
  else {
    const mesh = await start(options);
    const stop = (): void => {
      void mesh.close();
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    // Last: whoever reads that it listens may stop it at once.
    say(options.json ? JSON.stringify({ listening: mesh.url }) : `MESH listens on ${mesh.url}`);
  }
} catch (error) {
  endWith(error, 'npm run mesh -- --help');
}
