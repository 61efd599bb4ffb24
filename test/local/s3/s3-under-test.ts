import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3, type S3StandIn } from '../../../local/s3/start-s3.ts';

export const accessKeyId = 'AKIDLOCAL';
export const secretAccessKey = 'local-secret';
export const Bucket = 'ndop-files';

/** One stand-in on a directory of its own, started again as often as a test wants. */
export class S3UnderTest {
  directory = '';
  #standIn: S3StandIn | undefined;
  #client: S3Client | undefined;
  readonly #clients: S3Client[] = [];

  async start(): Promise<void> {
    if (this.directory === '') this.directory = await mkdtemp(join(tmpdir(), 's3-'));
    this.#standIn = await startS3({
      directory: this.directory,
      buckets: [Bucket],
      credentials: new Map([[accessKeyId, secretAccessKey]]),
    });
  }

  get url(): string {
    return this.#standIn!.url;
  }

  slowDown(...told: Parameters<S3StandIn['slowDown']>): void {
    this.#standIn!.slowDown(...told);
  }

  /** The one client that most tests share, or another one with its own configuration. */
  client(config?: Partial<S3ClientConfig>): S3Client {
    if (!config && this.#client) return this.#client;
    const client = new S3Client({
      endpoint: this.url,
      region: 'eu-west-2',
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
      ...config,
    });
    this.#clients.push(client);
    if (!config) this.#client = client;
    return client;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    this.#client = undefined;
    for (const client of this.#clients.splice(0)) client.destroy();
    await this.#standIn?.close();
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}
