import {
  AppError,
  createProjectRequestSchema,
  type PortResponse,
  type ProjectResponse,
  type ProjectsResponse,
  updateProjectRequestSchema,
  type WorkspaceEntryResponse,
  type WorkspaceResponse,
} from '@switchyard/protocol';
import { createProject, deleteProject, listProjects, readProject, updateProject } from '@switchyard/store';
import { Hono } from 'hono';
import { announceDeletion } from '../announce.ts';
import { downloadFile } from '../download-file.ts';
import type { Gateway, GatewayEnv } from '../gateway.ts';
import { limits } from '../limits.ts';
import { listWorkspace } from '../list-workspace.ts';
import { openWorkspace } from '../open-workspace.ts';
import { pageSchema, portSchema } from '../queries.ts';
import { readJson } from '../read-body.ts';
import { validate } from '../validate.ts';
import { removeWorkspaceFile, writeWorkspaceFile } from '../write-workspace.ts';

/** `/v1/projects` and the files of their workspaces. */
export function projectRoutes(gateway: Gateway): Hono<GatewayEnv> {
  const { sql, blobs, logger } = gateway;
  const routes = new Hono<GatewayEnv>();

  routes.get('/', async (c) => {
    const projects = await listProjects(sql, c.get('actor'), validate(pageSchema, c.req.query()));
    return c.json(projects satisfies ProjectsResponse);
  });

  routes.post('/', async (c) => {
    const body = await readJson(c.env.incoming, {
      maxBytes: limits.jsonBytes,
      timeoutMs: limits.bodyTimeoutMs,
    });
    const { name = 'Untitled', instructions } = validate(createProjectRequestSchema, body);
    const project = await createProject(sql, c.get('actor'), {
      name,
      ...(instructions ? { instructions } : {}),
    });
    c.header('location', `/v1/projects/${project.id}`);
    return c.json({ project } satisfies ProjectResponse, 201);
  });

  routes.get('/:id', async (c) => {
    const { sandboxId: _, ...project } = await readProject(sql, c.get('actor'), c.req.param('id'));
    return c.json({ project } satisfies ProjectResponse);
  });

  routes.patch('/:id', async (c) => {
    const changes = validate(
      updateProjectRequestSchema,
      await readJson(c.env.incoming, { maxBytes: limits.jsonBytes, timeoutMs: limits.bodyTimeoutMs }),
    );
    const project = await updateProject(sql, c.get('actor'), c.req.param('id'), changes);
    return c.json({ project } satisfies ProjectResponse);
  });

  routes.delete('/:id', async (c) => {
    const deleted = await deleteProject(sql, c.get('actor'), c.req.param('id'));
    await announceDeletion(gateway, deleted);
    try {
      await blobs.remove(deleted.objectKeys);
    } catch (error) {
      // The sweep finds them.
      logger.warn(
        { error, objectKeys: deleted.objectKeys },
        'the files of a deleted project stay in storage',
      );
    }
    return c.body(null, 204);
  });

  routes.get('/:id/files', async (c) => {
    const workspace = await readProject(sql, c.get('actor'), c.req.param('id'));
    const path = c.req.query('path') ?? '';
    const listing = await listWorkspace(gateway, { workspace, path, signal: c.req.raw.signal });
    return c.json(listing satisfies WorkspaceResponse);
  });

  routes.get('/:id/files/content', async (c) => {
    const workspace = await readProject(sql, c.get('actor'), c.req.param('id'));
    return await downloadFile(gateway, c, { workspace, path: c.req.query('path') ?? '' });
  });

  routes.put('/:id/files/content', async (c) => {
    const workspace = await readProject(sql, c.get('actor'), c.req.param('id'), 'write');
    const entry = await writeWorkspaceFile(gateway, {
      maxBytes: limits.workspaceFileBytes,
      workspace,
      path: c.req.query('path') ?? '',
      incoming: c.env.incoming,
      signal: c.req.raw.signal,
    });
    return c.json({ entry } satisfies WorkspaceEntryResponse);
  });

  routes.delete('/:id/files/content', async (c) => {
    const workspace = await readProject(sql, c.get('actor'), c.req.param('id'), 'write');
    const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(limits.sandboxTimeoutMs)]);
    await removeWorkspaceFile(gateway, { workspace, path: c.req.query('path') ?? '', signal });
    return c.body(null, 204);
  });

  routes.get('/:id/ports/:port', async (c) => {
    const workspace = await readProject(sql, c.get('actor'), c.req.param('id'), 'write');
    const { port } = validate(portSchema, c.req.param());
    const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(limits.sandboxTimeoutMs)]);
    if (workspace.sandboxId === null) throw new AppError('not_found', 'The project has no sandbox yet.');
    const sandbox = await openWorkspace(gateway, workspace, { signal });
    const expiresAt = new Date(Date.now() + limits.previewS * 1000).toISOString();
    const url = await sandbox.previewUrl(port, { forSeconds: limits.previewS, signal });
    c.header('cache-control', 'no-store');
    return c.json({ port, url, expiresAt } satisfies PortResponse);
  });

  return routes;
}
