import { readArguments, UsageError, wholeNumber } from '../../shared/command-line.ts';

export interface Options {
  readonly port: number;
  /** Where the certificates come from; plain HTTP where absent. */
  readonly tls?: TlsFiles;
  /** One JSON object a line, as NHS England's sandbox writes them; the usual ones where absent. */
  readonly mailboxes?: string;
  readonly sharedKey: string;
  /** One NHS number a line; with it the national service answers. */
  readonly optedOut?: string;
  readonly ndopMailbox: string;
  readonly directory?: string;
  readonly deliveryDelaySeconds: number;
  readonly maxBodyBytes?: number;
  /** One fault a line, as JSON. */
  readonly faults?: string;
  readonly json: boolean;
}

export type TlsFiles =
  { readonly directory: string } | { readonly certificate: string; readonly key: string; readonly clientCa: string };

export const usage = `Usage: npm run mesh -- [options]

  --port N               port on 127.0.0.1 (default 8700; 0 takes any free one)
  --tls-dir DIR          HTTPS with client certificates, made in DIR on first use: ca.pem, server.pem, server.key,
                         client.pem, client.key
  --tls-cert FILE        HTTPS with certificates of your own: the server's,
  --tls-key FILE         its key,
  --tls-ca FILE          and the authorities that sign the clients'
  --mailboxes FILE       one JSON object a line: mailbox_id, password, optionally mailbox_name, ods_code, org_code,
                         org_name, billing_entity, disabled, workflows (default: X26ABC1, X26ABC2, X26ABC3,
                         RZZ99OT001 and X26OT154, each with password "password")
  --shared-key KEY       HMAC key of the environment (default TestKey)
  --opted-out FILE       let the national service answer requests; one NHS number a line says who is opted out
  --ndop-mailbox ID      its mailbox (default X26OT154)
  --directory DIR        keep the messages over restarts
  --delivery-delay S     seconds from the acceptance of a message until its recipient sees it (default 0)
  --max-body-bytes N     largest request body (default 20971520)
  --faults FILE          what is to go wrong, one JSON object a line, e.g. {"kind":"status","status":503,"times":2}
  --json                 one JSON object a request instead of a line of text`;

/** @throws UsageError naming the option at fault */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parse(args);
  if (values.help === true) return 'help';
  const tls = tlsFiles(values);
  return {
    port: wholeNumber('--port', values.port ?? '8700', 0, 65_535),
    ...(tls === undefined ? {} : { tls }),
    ...(values.mailboxes === undefined ? {} : { mailboxes: values.mailboxes }),
    sharedKey: values['shared-key'] ?? 'TestKey',
    ...(values['opted-out'] === undefined ? {} : { optedOut: values['opted-out'] }),
    ndopMailbox: (values['ndop-mailbox'] ?? 'X26OT154').toUpperCase(),
    ...(values.directory === undefined ? {} : { directory: values.directory }),
    deliveryDelaySeconds: wholeNumber('--delivery-delay', values['delivery-delay'] ?? '0', 0),
    ...(values['max-body-bytes'] === undefined
      ? {}
      : { maxBodyBytes: wholeNumber('--max-body-bytes', values['max-body-bytes'], 1) }),
    ...(values.faults === undefined ? {} : { faults: values.faults }),
    json: values.json === true,
  };
}

function parse(args: readonly string[]) {
  return readArguments({
    args: [...args],
    allowPositionals: false,
    options: {
      port: { type: 'string' },
      'tls-dir': { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'tls-ca': { type: 'string' },
      mailboxes: { type: 'string' },
      'shared-key': { type: 'string' },
      'opted-out': { type: 'string' },
      'ndop-mailbox': { type: 'string' },
      directory: { type: 'string' },
      'delivery-delay': { type: 'string' },
      'max-body-bytes': { type: 'string' },
      faults: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}

function tlsFiles(values: ReturnType<typeof parse>['values']): TlsFiles | undefined {
  const directory = values['tls-dir'];
  const { 'tls-cert': certificate, 'tls-key': key, 'tls-ca': clientCa } = values;
  const own = [certificate, key, clientCa].filter((file) => file !== undefined).length;
  if (directory !== undefined && own > 0) throw new UsageError('--tls-dir excludes --tls-cert, --tls-key and --tls-ca');
  if (directory !== undefined) return { directory };
  if (own === 0) return undefined;
  if (certificate === undefined || key === undefined || clientCa === undefined) {
    throw new UsageError('--tls-cert, --tls-key and --tls-ca belong together');
  }
  return { certificate, key, clientCa };
}
