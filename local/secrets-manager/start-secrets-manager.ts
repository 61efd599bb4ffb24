import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { type Authorize, refusalOf } from '../iam/access.ts';
import { keyUse } from '../iam/kms.ts';
import { SignatureRefused, verifySignature, type Credentials } from '../signature.ts';
import { readBody, serve, type StandIn } from '../stand-in.ts';

export interface SecretsManagerOptions {
  /** Secret name to secret string. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly credentials: Credentials;
  /** Who may read what, and the key that encrypts it; whoever signs may do everything when left out. */
  readonly guard?: { readonly authorize: Authorize; readonly keyArn: string };
  readonly port?: number;
}

/** Where a secret asked for by its name is said to be: the account number that AWS keeps for examples. */
const arnPrefix = 'arn:aws:secretsmanager:eu-west-2:123456789012:secret:';
const arnForm = /^(arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:)(.+)$/;
const arnSuffix = /-[A-Za-z0-9]{6}$/;

const getSecretValue = z.strictObject({
  SecretId: z.string().min(1).max(2048),
  VersionId: z.string().optional(),
  VersionStage: z.string().optional(),
});

/** A stand-in for AWS Secrets Manager that answers GetSecretValue; every secret has its current version only. */
export async function startSecretsManager({
  secrets,
  credentials,
  guard,
  port,
}: SecretsManagerOptions): Promise<StandIn> {
  const startedAt = Math.floor(Date.now() / 1000);
  return serve(async (request, response) => {
    const body = await readBody(request);
    let caller: string;
    try {
      caller = await verifySignature(request, 'secretsmanager', credentials, body);
    } catch (error) {
      if (!(error instanceof SignatureRefused)) throw error;
      refuse(response, 400, 'InvalidSignatureException', error.message);
      return;
    }
    const target = request.headers['x-amz-target'];
    if (target !== 'secretsmanager.GetSecretValue') {
      refuse(response, 501, 'NotImplemented', `The Secrets Manager stand-in does not implement ${String(target)}`);
      return;
    }
    const parsed = getSecretValue.safeParse(parseJson(body));
    if (!parsed.success) {
      refuse(response, 400, 'InvalidParameterException', z.prettifyError(parsed.error));
      return;
    }
    const { SecretId, VersionId, VersionStage } = parsed.data;
    const found = findSecret(secrets, SecretId);
    const read = { action: 'secretsmanager:GetSecretValue', resource: found?.ARN ?? SecretId };
    // Source: "Secret encryption and decryption in AWS Secrets Manager", AWS Secrets Manager User Guide.
    const refused = guard?.authorize(caller, read, keyUse(guard.keyArn, 'Decrypt', 'secretsmanager'));
    if (refused) {
      refuse(response, 400, 'AccessDeniedException', refusalOf(refused));
      return;
    }
    const isCurrent =
      (VersionId === undefined || VersionId === found?.VersionId) &&
      (VersionStage === undefined || VersionStage === 'AWSCURRENT');
    if (!found || !isCurrent) {
      refuse(response, 400, 'ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
      return;
    }
    answer(response, 200, { ...found, VersionStages: ['AWSCURRENT'], CreatedDate: startedAt });
  }, port);
}

interface Secret {
  readonly ARN: string;
  readonly Name: string;
  readonly SecretString: string;
  readonly VersionId: string;
}

/** Finds a secret by its name, its ARN, or its ARN without the six characters that Secrets Manager adds to the name. */
function findSecret(secrets: ReadonlyMap<string, string>, secretId: string): Secret | undefined {
  const [, prefix = arnPrefix, id = secretId] = arnForm.exec(secretId) ?? [];
  const isArn = id !== secretId;
  const Name = secrets.has(id) || !isArn ? id : id.replace(arnSuffix, '');
  const SecretString = secrets.get(Name);
  if (SecretString === undefined) return undefined;
  const suffix = Name === id ? digest(Name).slice(0, 6) : id.slice(-6);
  return { ARN: `${prefix}${Name}-${suffix}`, Name, SecretString, VersionId: versionOf(SecretString) };
}

/** A UUID that stays the same as long as the secret does. */
function versionOf(secretString: string): string {
  return digest(secretString).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

function digest(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  answer(response, status, { __type: type, Message: message });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
}
