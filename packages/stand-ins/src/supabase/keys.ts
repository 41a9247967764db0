import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from '../keep-json.ts';

/** What front ends (publishable) and the gateway and worker (secret) show in the header `apikey`. */
export interface SupabaseKeys {
  readonly publishableKey: string;
  readonly secretKey: string;
}

export interface SupabaseSecrets extends SupabaseKeys {
  /** Signs access tokens (ES256); its public half is in the JWKS under `keyId`. */
  readonly signingKey: KeyObject;
  readonly verificationKey: KeyObject;
  readonly keyId: string;
  /** Signs storage urls (HS256). */
  readonly urlKey: Buffer;
}

const fileSchema = z.object({
  publishableKey: z.string(),
  secretKey: z.string(),
  keyId: z.string(),
  signingKey: z.string(),
  urlKey: z.string(),
});

/** The keys of a data directory, made on first use: tokens stay valid over restarts. */
export async function loadSupabaseSecrets(dataDir: string): Promise<SupabaseSecrets> {
  const file = path.join(dataDir, 'keys.json');
  const stored = await readPrivateJson(file);
  const values = stored === null ? makeKeys() : fileSchema.parse(stored);
  if (stored === null) await writePrivateJson(file, values);
  const signingKey = createPrivateKey(values.signingKey);
  return {
    publishableKey: values.publishableKey,
    secretKey: values.secretKey,
    keyId: values.keyId,
    signingKey,
    verificationKey: createPublicKey(signingKey),
    urlKey: Buffer.from(values.urlKey, 'base64url'),
  };
}

function makeKeys(): z.infer<typeof fileSchema> {
  const random = () => randomBytes(24).toString('base64url');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publishableKey: `sb_publishable_${random()}`,
    secretKey: `sb_secret_${random()}`,
    keyId: random(),
    signingKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    urlKey: random(),
  };
}
