import type { Asked } from './evaluate.ts';

/** What a service needs of a customer managed key in the name of whoever calls it. */
export function keyUse(keyArn: string, action: 'Decrypt' | 'GenerateDataKey', service: string): Asked {
  const region = keyArn.split(':')[3] ?? '';
  return {
    action: `kms:${action}`,
    resource: keyArn,
    context: { 'kms:ViaService': `${service}.${region}.amazonaws.com` },
  };
}
