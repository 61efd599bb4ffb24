import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import { PermanentError } from '../errors.ts';
import type { MeshCredentials } from './credentials.ts';

/** Hosts that are this machine, as a URL spells them. */
const thisMachine = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * How MESH is reached: over TLS, both sides showing certificates; plain HTTP only on this machine. One connection is
 * kept from call to call.
 */
export class Transport {
  readonly #baseUrl: URL;
  readonly #agent: HttpAgent;
  readonly #tls: TlsOptions | undefined;

  /** @throws PermanentError ConfigurationInvalid */
  constructor(baseUrl: string, credentials: MeshCredentials) {
    this.#baseUrl = parseBaseUrl(baseUrl);
    if (this.#baseUrl.protocol === 'https:') {
      this.#tls = { ...verification, secureContext: secureContext(credentials) };
      this.#agent = new HttpsAgent({ ...kept, ...this.#tls });
    } else {
      this.#agent = new HttpAgent(kept);
    }
  }

  /** Where the base URL leads; nobody follows a link to another place. */
  resolve(path: string): URL | undefined {
    return URL.canParse(path, this.#baseUrl.href) ? new URL(path, this.#baseUrl) : undefined;
  }

  /** @param needsOwnConnection opens one for this request alone, and ends it afterwards */
  request(path: string, options: RequestOptions, needsOwnConnection: boolean): ClientRequest {
    const open = this.#tls ? httpsRequest : httpRequest;
    const connection = needsOwnConnection ? { ...this.#tls, agent: false } : { agent: this.#agent };
    return open(new URL(path, this.#baseUrl), { ...options, ...connection });
  }
}

const kept = { keepAlive: true, maxSockets: 1 };

interface TlsOptions {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: true;
}

/** Said aloud, since an environment variable of Node would otherwise be able to switch it off. */
const verification = { rejectUnauthorized: true } as const;

function parseBaseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && thisMachine.has(url.hostname));
  if (url && url.pathname !== '/') {
    throw new PermanentError(
      'ConfigurationInvalid',
      'The MESH base URL has to end with the host: the path is the same for every MESH',
    );
  }
  if (url && isAllowed) return url;
  throw new PermanentError(
    'ConfigurationInvalid',
    'The MESH base URL has to begin with https: plain HTTP is for this machine alone',
  );
}

function secureContext({ clientCertificate, clientKey, caBundle }: MeshCredentials): SecureContext {
  try {
    return createSecureContext({
      minVersion: 'TLSv1.2',
      ...(clientCertificate ? { cert: clientCertificate } : {}),
      ...(clientKey ? { key: clientKey } : {}),
      ...(caBundle ? { ca: caBundle } : {}),
    });
  } catch (error) {
    throw new PermanentError(
      'ConfigurationInvalid',
      'No TLS can be set up from clientCertificate, clientKey and caBundle: check that each is a PEM text',
      { cause: error },
    );
  }
}
