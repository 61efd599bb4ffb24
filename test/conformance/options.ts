import { readArguments, UsageError, wholeNumber } from '../../shared/command-line.ts';
import { catalogue } from './catalogue.ts';
import { type EnvironmentKind, environmentKinds } from './environment.ts';

export interface Options {
  /** Where MESH is; the stand-in is started where absent. */
  readonly url?: string;
  /** JSON file with mailboxes, passwords and shared key. */
  readonly credentials?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly caBundle?: string;
  readonly workflow?: string;
  /** Numbers of the cases to run, in the order of the catalogue. */
  readonly only: readonly string[];
  readonly evidence?: string;
  /** Found out where absent. */
  readonly kind?: EnvironmentKind;
  readonly large: boolean;
  readonly chunkedMegabytes?: number;
  readonly deliverySeconds?: number;
  readonly disabledMailbox?: string;
  readonly undeliveredMessage?: string;
}

export const usage = `Usage: npm run conformance -- [options]

  --url URL                   the MESH to run against, e.g. https://msg.intspineservices.nhs.uk; without it the stand-in
                              is started over HTTPS, with certificates made on the spot
  --credentials FILE          JSON: sharedKey; ours, other and dormant, each with mailboxId, password (not where the
                              mailbox is somebody else's) and optionally clientCertificate and clientKey (files, beside
                              that one). In its place: MESH_SHARED_KEY, MESH_OURS_ID, MESH_OURS_PASSWORD, MESH_OTHER_ID,
                              MESH_OTHER_PASSWORD, MESH_DORMANT_ID, MESH_DORMANT_PASSWORD. On this machine X26ABC1,
                              X26ABC2 and X26ABC3 with the sandbox's own secrets where neither is given
  --client-certificate FILE   PEM, of every mailbox that has none of its own
  --client-key FILE           PEM
  --ca-bundle FILE            PEM, of the authorities that sign MESH's certificate
  --workflow ID               workflow registered between the mailboxes (default TEST_WORKFLOW, on this machine only)
  --only N,N                  cases to run, e.g. 201,401
  --evidence DIR              write the evidence pack; DIR must not exist or be empty
  --kind KIND                 ${environmentKinds.join(', ')} (default: found out)
  --large                     501 and 502 with more than 200 MB (default against integration)
  --chunked-megabytes N       501 and 502 with N MB
  --delivery-seconds N        how long a message may take from mailbox to mailbox (default 30, integration 600)
  --disabled-mailbox ID       case 701: this mailbox, which has to be ours, is disabled at this moment
  --undelivered-message ID    cases 703, 705 and 803: the message that an earlier run sent to the dormant mailbox

Exit code: 0 every case passed or differs as listed, 1 a case failed, 2 wrong usage, 4 none failed and some wait for a
person or for time.`;

/** @throws UsageError naming the option at fault */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parse(args);
  if (values.help === true) return 'help';
  if (values.url !== undefined && !/^https?:\/\/[^/]+\/?$/.test(values.url)) {
    throw new UsageError(`--url ${values.url}: must be the address of a MESH without a path, as https://host:port`);
  }
  if ((values['client-certificate'] === undefined) !== (values['client-key'] === undefined)) {
    throw new UsageError('--client-certificate and --client-key belong together');
  }
  if (values.large === true && values['chunked-megabytes'] !== undefined) {
    throw new UsageError('--large and --chunked-megabytes exclude each other');
  }
  const kind = environmentKinds.find((name) => name === values.kind);
  if (values.kind !== undefined && kind === undefined) {
    throw new UsageError(`--kind ${values.kind}: must be one of ${environmentKinds.join(', ')}`);
  }
  if (values.url === undefined) checkUrlNeeded(values);
  return {
    ...given('url', values.url?.replace(/\/$/, '')),
    ...given('credentials', values.credentials),
    ...given('clientCertificate', values['client-certificate']),
    ...given('clientKey', values['client-key']),
    ...given('caBundle', values['ca-bundle']),
    ...given('workflow', values.workflow),
    only: caseNumbers(values.only),
    ...given('evidence', values.evidence),
    ...given('kind', kind),
    large: values.large === true,
    ...given('chunkedMegabytes', whole('--chunked-megabytes', values['chunked-megabytes'])),
    ...given('deliverySeconds', whole('--delivery-seconds', values['delivery-seconds'])),
    ...given('disabledMailbox', values['disabled-mailbox']),
    ...given('undeliveredMessage', values['undelivered-message']),
  };
}

/** What says how to reach a MESH makes no sense for one that is started here. */
function checkUrlNeeded(values: ReturnType<typeof parse>['values']): void {
  const names = ['credentials', 'client-certificate', 'ca-bundle', 'workflow', 'kind'] as const;
  const more = ['disabled-mailbox', 'undelivered-message', 'delivery-seconds'] as const;
  const idle = [...names, ...more].find((name) => values[name] !== undefined);
  if (idle !== undefined) throw new UsageError(`--${idle} needs --url`);
}

function parse(args: readonly string[]) {
  return readArguments({
    args: [...args],
    allowPositionals: false,
    options: {
      url: { type: 'string' },
      credentials: { type: 'string' },
      'client-certificate': { type: 'string' },
      'client-key': { type: 'string' },
      'ca-bundle': { type: 'string' },
      workflow: { type: 'string' },
      only: { type: 'string' },
      evidence: { type: 'string' },
      kind: { type: 'string' },
      large: { type: 'boolean' },
      'chunked-megabytes': { type: 'string' },
      'delivery-seconds': { type: 'string' },
      'disabled-mailbox': { type: 'string' },
      'undelivered-message': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function given<Name extends string, Value>(name: Name, value: Value | undefined): Partial<Record<Name, Value>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, Value>);
}

function caseNumbers(text: string | undefined): string[] {
  const known = catalogue.map(({ number }) => number);
  if (text === undefined) return known;
  const asked = text.split(',').map((number) => number.trim());
  const unknown = asked.find((number) => !known.includes(number));
  if (unknown !== undefined) throw new UsageError(`--only ${text}: there is no case ${unknown}`);
  return known.filter((number) => asked.includes(number));
}

function whole(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : wholeNumber(option, text, 1);
}
