import { createProjectRequestSchema, type Project } from '@switchyard/protocol';
import { createProject, listProjects, readProject } from '@switchyard/store';
import { Hono } from 'hono';
import { downloadFile } from '../download-file.ts';
import type { Gateway, GatewayEnv } from '../gateway.ts';
import { limits } from '../limits.ts';
import { pageSchema } from '../page.ts';
import { readJson } from '../read-body.ts';
import { validate } from '../validate.ts';

/** `/v1/projects` and the files of their workspaces. */
export function projectRoutes(gateway: Pick<Gateway, 'sql' | 'sandboxes'>): Hono<GatewayEnv> {
  const { sql } = gateway;
  const routes = new Hono<GatewayEnv>();

  routes.get('/', async (c) =>
    c.json(await listProjects(sql, c.get('actor'), validate(pageSchema, c.req.query()))),
  );

  routes.post('/', async (c) => {
    const body = await readJson(c.env.incoming, {
      maxBytes: limits.jsonBytes,
      timeoutMs: limits.bodyTimeoutMs,
    });
    const { name = 'Untitled' } = validate(createProjectRequestSchema, body);
    const project = await createProject(sql, c.get('actor'), { name });
    c.header('location', `/v1/projects/${project.id}`);
    return c.json({ project }, 201);
  });

  routes.get('/:id', async (c) => {
    const { id, name, createdAt } = await readProject(sql, c.get('actor'), c.req.param('id'));
    return c.json({ project: { id, name, createdAt } satisfies Project });
  });

  routes.get('/:id/files/content', async (c) => {
    const project = await readProject(sql, c.get('actor'), c.req.param('id'));
    return await downloadFile(gateway, c, { project, path: c.req.query('path') ?? '' });
  });

  return routes;
}
