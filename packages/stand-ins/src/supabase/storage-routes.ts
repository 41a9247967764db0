import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import type { SupabaseSecrets } from './keys.ts';
import type { Objects, StoredObject } from './objects.ts';
import { signUrlToken, verifyUrlToken } from './tokens.ts';

const bucketSchema = z.object({ id: z.string(), name: z.string(), public: z.boolean().default(false) });
const removeSchema = z.object({ prefixes: z.array(z.string()).max(1000) });
const signSchema = z.object({ expiresIn: z.int().positive() });
/** What Supabase Storage accepts as a key: an object that is refused there is refused here. */
const keyPattern = /^[\w/!\-.*'() &$@=;:+,?]{1,1024}$/;
const bucketPattern = /^[\w!\-.*'() &$@=;:+,?]{1,100}$/;

/**
 * Buckets, upload, download and signed urls as Supabase Storage answers them under `/storage/v1`, for the secret key
 * alone (a signed url needs no key). Bodies are taken raw: the browser's multipart form is not.
 */
export function createStorageRoutes(dependencies: {
  readonly secrets: SupabaseSecrets;
  readonly objects: Objects;
}): Hono {
  const { secrets, objects } = dependencies;
  const app = new Hono();

  app.get('/object/sign/:bucket/:key{.+}', async (c) => {
    const { bucket, key } = c.req.param();
    const permitted = verifyUrlToken(secrets, c.req.query('token') ?? '');
    if (permitted !== `${bucket}/${key}`)
      return refuse(c, '400', 'InvalidJWT', 'The url is not valid or has expired');
    const object = await objects.find(bucket, key);
    if (object === null) return objectNotFound(c);
    const download = c.req.query('download');
    const name = download === '' ? (key.split('/').at(-1) ?? key) : download;
    return answerObject(objects, { bucket, object }, name === undefined ? {} : { name });
  });

  app.use(async (c, next) => {
    const bearer = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    const given = bearer ?? c.req.header('apikey');
    if (given === secrets.secretKey) return next();
    return refuse(c, '403', 'Unauthorized', 'new row violates row-level security policy');
  });

  app.post('/bucket', async (c) => {
    const body = bucketSchema.safeParse(await c.req.json().catch(() => null));
    if (!body.success || !bucketPattern.test(body.data.id)) {
      return refuse(c, '400', 'InvalidBucketName', 'Bucket name invalid');
    }
    const outcome = await objects.createBucket(body.data.id, body.data.public);
    if (outcome === 'exists') return refuse(c, '409', 'Duplicate', 'The resource already exists');
    return c.json({ name: body.data.id });
  });

  app.get('/bucket/:bucket', async (c) => {
    const bucket = await objects.findBucket(c.req.param('bucket'));
    if (bucket === null) return bucketNotFound(c);
    return c.json({
      id: bucket.id,
      name: bucket.id,
      public: bucket.isPublic,
      owner: '',
      type: 'STANDARD',
      file_size_limit: null,
      allowed_mime_types: null,
      created_at: bucket.createdAt,
      updated_at: bucket.updatedAt,
    });
  });

  app.post('/object/sign/:bucket/:key{.+}', async (c) => {
    const { bucket, key } = c.req.param();
    const body = signSchema.safeParse(await c.req.json().catch(() => null));
    if (!body.success)
      return refuse(c, '400', 'InvalidRequest', 'body must have a positive integer expiresIn');
    if ((await objects.find(bucket, key)) === null) return objectNotFound(c);
    const exp = Math.floor(Date.now() / 1000) + body.data.expiresIn;
    const token = signUrlToken(secrets, { url: `${bucket}/${key}`, exp });
    // Not encoded, as Supabase answers it: the client encodes the whole.
    return c.json({ signedURL: `/object/sign/${bucket}/${key}?token=${token}` });
  });

  app.post('/object/:bucket/:key{.+}', async (c) => {
    const { bucket, key } = c.req.param();
    if (!isKey(key)) return refuse(c, '400', 'InvalidKey', `Invalid key: ${key}`);
    if ((await objects.findBucket(bucket)) === null) return bucketNotFound(c);
    const mediaType = c.req.header('content-type') ?? 'application/octet-stream';
    if (mediaType.startsWith('multipart/')) {
      return refuse(
        c,
        '415',
        'invalid_mime_type',
        'The local storage takes raw bodies: upload bytes or a stream.',
      );
    }
    const object = await objects.put({
      bucket,
      key,
      body: c.req.raw.body as ReadableStream<Uint8Array> | null,
      mediaType,
      cacheControl: c.req.header('cache-control') ?? 'no-cache',
      isReplacing: c.req.header('x-upsert') === 'true',
    });
    if (object === 'exists') return refuse(c, '409', 'Duplicate', 'The resource already exists');
    return c.json({ Id: object.id, Key: `${bucket}/${key}` });
  });

  app.delete('/object/:bucket', async (c) => {
    const { bucket } = c.req.param();
    const body = removeSchema.safeParse(await c.req.json().catch(() => null));
    if (!body.success) return refuse(c, '400', 'InvalidRequest', 'body must have prefixes');
    const removed = [];
    for (const key of body.data.prefixes) {
      const object = await objects.remove(bucket, key);
      if (object !== null) removed.push({ id: object.id, name: key, bucket_id: bucket });
    }
    return c.json(removed);
  });

  app.get('/object/:bucket/:key{.+}', async (c) => {
    const { bucket, key } = c.req.param();
    const object = await objects.find(bucket, key);
    return object === null ? objectNotFound(c) : answerObject(objects, { bucket, object }, {});
  });

  return app;
}

function answerObject(
  objects: Objects,
  { bucket, object }: { bucket: string; object: StoredObject },
  options: { readonly name?: string },
): Response {
  const headers = new Headers({
    'content-type': object.mediaType,
    'content-length': String(object.size),
    'cache-control': object.cacheControl,
    etag: `"${object.content}"`,
    'last-modified': new Date(object.updatedAt).toUTCString(),
  });
  if (options.name !== undefined) {
    const name = encodeURIComponent(options.name);
    headers.set('content-disposition', `attachment; filename="${name}"; filename*=UTF-8''${name}`);
  }
  return new Response(
    Readable.toWeb(objects.read(bucket, object)) as ConstructorParameters<typeof Response>[0],
    { headers },
  );
}

/** Storage answers most refusals with HTTP 400 and the real status in the body; clients read the body. */
function refuse(c: Context, statusCode: string, error: string, message: string): Response {
  return c.json({ statusCode, error, message }, 400);
}

function bucketNotFound(c: Context): Response {
  return refuse(c, '404', 'Bucket not found', 'Bucket not found');
}

function objectNotFound(c: Context): Response {
  return refuse(c, '404', 'not_found', 'Object not found');
}

function isKey(key: string): boolean {
  const segments = key.split('/');
  return (
    keyPattern.test(key) && segments.every((segment) => segment !== '.' && segment !== '..' && segment !== '')
  );
}
