import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { PermanentError } from '../errors.ts';

const meshCredentials = z.object({
  password: z.string().min(1),
  sharedKey: z.string().min(1),
  /** PEM texts; needed wherever the API is reached over HTTPS. */
  clientCertificate: z.string().optional(),
  clientKey: z.string().optional(),
  caBundle: z.string().optional(),
});
export type MeshCredentials = z.infer<typeof meshCredentials>;

const dayMilliseconds = 86_400_000;

/**
 * Reads what the MESH secret holds. Over HTTPS certificate, key and CA bundle have to be there, belong together and be
 * in date.
 *
 * @throws PermanentError ConfigurationInvalid, naming the members at fault and never their values
 */
export function parseMeshCredentials(secret: unknown, baseUrl: string, now = new Date()): MeshCredentials {
  const parsed = meshCredentials.safeParse(secret);
  if (!parsed.success) {
    const members = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
    throw new PermanentError('ConfigurationInvalid', `The MESH secret is incomplete: ${members}`);
  }
  const { clientCertificate, clientKey, caBundle } = parsed.data;
  if (!/^https:/i.test(baseUrl)) return parsed.data;
  if (!(clientCertificate && clientKey && caBundle)) {
    throw new PermanentError(
      'ConfigurationInvalid',
      'The MESH secret needs clientCertificate, clientKey and caBundle: MESH is reached by mutual TLS',
    );
  }
  checkClient(clientCertificate, clientKey, now);
  checkBundle(caBundle, now);
  return parsed.data;
}

/**
 * Whole days until our certificate runs out, below zero once it has; undefined where the secret holds none. MESH issues
 * them for three years.
 *
 * @throws PermanentError ConfigurationInvalid where it is no certificate
 */
export function clientCertificateDaysLeft({ clientCertificate }: MeshCredentials, now: Date): number | undefined {
  if (!clientCertificate) return undefined;
  const { validToDate } = readCertificate('clientCertificate', clientCertificate);
  return Math.floor((validToDate.getTime() - now.getTime()) / dayMilliseconds);
}

function checkClient(clientCertificate: string, clientKey: string, now: Date): void {
  const certificate = readCertificate('clientCertificate', clientCertificate);
  if (!certificate.checkPrivateKey(readKey(clientKey))) {
    throw invalid('clientKey is not the key of clientCertificate: put in the pair that was made together');
  }
  if (certificate.validFromDate > now) {
    throw invalid(`clientCertificate is valid from ${day(certificate.validFromDate)} only: put it in then`);
  }
  if (certificate.validToDate <= now) {
    throw invalid(`clientCertificate expired on ${day(certificate.validToDate)}: ask NHS England for a new one`);
  }
}

/** Roots that replace one another may be in the bundle side by side, so that one in date is enough. */
function checkBundle(caBundle: string, now: Date): void {
  const blocks = caBundle.match(/-----BEGIN [A-Z0-9 ]+-----[^-]*-----END [A-Z0-9 ]+-----/g) ?? [caBundle];
  const last = blocks
    .map((block) => readCertificate('caBundle', block).validToDate)
    .reduce((latest, date) => (date > latest ? date : latest));
  if (last <= now) throw invalid(`caBundle expired on ${day(last)}: put in the environment's present CA bundle`);
}

function readCertificate(member: 'clientCertificate' | 'caBundle', pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    // OpenSSL's own error is of no use to anyone, and might be of the value.
    throw invalid(`${member} is not a certificate in PEM form: copy it whole, line ends included`);
  }
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw invalid('clientKey is not a private key in PEM form without a passphrase: copy it whole, line ends included');
  }
}

function invalid(what: string): PermanentError {
  return new PermanentError('ConfigurationInvalid', `The MESH secret: ${what}`);
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
