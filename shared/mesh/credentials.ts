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

/**
 * Reads what the MESH secret holds.
 *
 * @throws PermanentError ConfigurationInvalid, naming the members at fault and never their values
 */
export function parseMeshCredentials(secret: unknown, baseUrl: string): MeshCredentials {
  const parsed = meshCredentials.safeParse(secret);
  if (!parsed.success) {
    const members = parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole').join(', ');
    throw new PermanentError('ConfigurationInvalid', `The MESH secret is incomplete: ${members}`);
  }
  const { clientCertificate, clientKey, caBundle } = parsed.data;
  if (baseUrl.startsWith('https:') && !(clientCertificate && clientKey && caBundle)) {
    throw new PermanentError(
      'ConfigurationInvalid',
      'The MESH secret needs clientCertificate, clientKey and caBundle: MESH is reached by mutual TLS',
    );
  }
  return parsed.data;
}
