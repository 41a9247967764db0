import type {
  CreateProjectRequest,
  ProjectResponse,
  ProjectsResponse,
  UpdateProjectRequest,
} from '@switchyard/protocol';
import { apiPath, queryOf, requestJson, type SendRequest } from './request.ts';
import type { PageOptions } from './threads.ts';

/** What a client does with projects: a workspace and the threads that work in it. */
export interface ProjectMethods {
  list(options?: PageOptions): Promise<ProjectsResponse>;
  create(project?: CreateProjectRequest): Promise<ProjectResponse>;
  read(projectId: string): Promise<ProjectResponse>;
  rename(projectId: string, name: string): Promise<ProjectResponse>;
  /** What is absent stays; instructions of null are taken away. */
  update(projectId: string, changes: UpdateProjectRequest): Promise<ProjectResponse>;
  delete(projectId: string): Promise<void>;
}

export function createProjectMethods(send: SendRequest): ProjectMethods {
  return {
    list: ({ signal, ...query } = {}) => requestJson(send, `/v1/projects${queryOf(query)}`, { signal }),
    create: (project = {}) => requestJson(send, '/v1/projects', { method: 'POST', body: project }),
    read: async (projectId) => requestJson(send, apiPath`/v1/projects/${projectId}`),
    rename: async (projectId, name) =>
      requestJson(send, apiPath`/v1/projects/${projectId}`, { method: 'PATCH', body: { name } }),
    update: async (projectId, changes) =>
      requestJson(send, apiPath`/v1/projects/${projectId}`, { method: 'PATCH', body: changes }),
    delete: async (projectId) => requestJson(send, apiPath`/v1/projects/${projectId}`, { method: 'DELETE' }),
  };
}
