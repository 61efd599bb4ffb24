import { randomBytes } from 'node:crypto';
import { generate } from 'selfsigned';

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** What one MESH of one's own and one client of it need to trust each other. */
export interface Certificates {
  /** PEM of the certificate authority: what either side verifies the other with. */
  readonly caBundle: string;
  /** For `localhost` and 127.0.0.1. */
  readonly server: Certificate;
  readonly client: Certificate;
}

export interface CertificateOptions {
  /** Of the client's certificate; MESH names them `<mailbox>.<ods>.api.mesh-client.nhs.uk`. */
  readonly commonName?: string;
  /** The client's certificate ran out a day ago. */
  readonly isClientExpired?: boolean;
}

const day = 24 * 60 * 60 * 1000;
const signing = { keyType: 'ec', algorithm: 'sha256' } as const;

/** Makes a certificate authority that signs a server's and a client's certificate, all valid for three years. */
export async function makeCertificates(options: CertificateOptions = {}): Promise<Certificates> {
  const { commonName = 'X26ABC1.X26.api.mesh-client.nhs.uk', isClientExpired = false } = options;
  const now = Date.now();
  const valid = { notBeforeDate: new Date(now - day), notAfterDate: new Date(now + 3 * 365 * day) };
  const expired = { notBeforeDate: new Date(now - 30 * day), notAfterDate: new Date(now - day) };
  // No two authorities of one name: a verifier would otherwise take a stranger's for ours and find its signature wrong.
  const ca = await generate(subject(`MESH stand-in root ${randomBytes(4).toString('hex')}`), {
    ...signing,
    ...valid,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const issued = async (
    name: string,
    period: typeof valid,
    use: { serverAuth: true } | { clientAuth: true },
  ): Promise<Certificate> => {
    const made = await generate(subject(name), {
      ...signing,
      ...period,
      ca: { key: ca.private, cert: ca.cert },
      extensions: [
        { name: 'basicConstraints', cA: false, critical: true },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        { name: 'extKeyUsage', ...use },
        'serverAuth' in use
          ? {
              name: 'subjectAltName',
              altNames: [
                { type: 2, value: 'localhost' },
                { type: 7, ip: '127.0.0.1' },
              ],
            }
          : { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
      ],
    });
    return { certificate: pem(made.cert), key: pem(made.private) };
  };
  return {
    caBundle: pem(ca.cert),
    server: await issued('localhost', valid, { serverAuth: true }),
    client: await issued(commonName, isClientExpired ? expired : valid, { clientAuth: true }),
  };
}

/** Ended like a line, so that bundles can be put together. */
function pem(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

function subject(commonName: string): { name: string; value: string }[] {
  return [{ name: 'commonName', value: commonName }];
}
