import { AppError, type FileResponse, uploadFileFieldsSchema } from '@switchyard/protocol';
import { createFile, readFile, readProject } from '@switchyard/store';
import { Hono } from 'hono';
import type { Gateway, GatewayEnv } from '../gateway.ts';
import { limits } from '../limits.ts';
import { isMultipart, readMultipart } from '../read-multipart.ts';
import { invalid, validate } from '../validate.ts';

/** `/v1/files`: what is uploaded before a run, and read by whoever may. */
export function fileRoutes(gateway: Gateway): Hono<GatewayEnv> {
  const { sql, blobs, storeUploads, largeBodies } = gateway;
  const routes = new Hono<GatewayEnv>();

  routes.post('/', async (c) => {
    const { incoming } = c.env;
    if (!isMultipart(incoming))
      throw new AppError('unsupported_media_type', 'Send the file as multipart/form-data.');
    const actor = c.get('actor');
    const place = largeBodies(actor.accountId);
    try {
      const { fields, uploads } = await readMultipart(incoming, { fileFields: ['file'], maxFiles: 1, place });
      const { projectId } = validate(uploadFileFieldsSchema, fields);
      if (uploads.length === 0) throw invalid([{ pointer: '/file', detail: 'There is no file.' }]);
      // Before a byte is stored: whose project it is.
      if (projectId !== undefined) await readProject(sql, actor, projectId);
      const [stored] = await storeUploads(actor, uploads);
      if (!stored) throw new Error('an upload was not stored');
      const { id, name, mediaType, size } = await createFile(sql, actor, { ...stored, projectId });
      const url = `/v1/files/${id}`;
      c.header('location', url);
      return c.json({ file: { id, name, mediaType, size, url } } satisfies FileResponse, 201);
    } finally {
      place.leave();
    }
  });

  // The url that it redirects to is a capability: kept by nobody (`no-store`), and in no log.
  routes.get('/:id', async (c) => {
    const { objectKey, name } = await readFile(sql, c.get('actor'), c.req.param('id'));
    return c.redirect(await blobs.signedUrl(objectKey, { expiresInS: limits.fileUrlS, fileName: name }), 302);
  });

  return routes;
}
