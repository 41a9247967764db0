import {
  createProjectRequestSchema,
  fileResponseSchema,
  projectResponseSchema,
  projectsResponseSchema,
  updateProjectRequestSchema,
  workspaceResponseSchema,
} from '@switchyard/protocol';
import { z } from 'zod';
import { pageSchema } from '../../queries.ts';
import { json, type Operation } from '../operation.ts';

const pathQuery = (description: string) => z.object({ path: z.string().describe(description) });

/** `/v1/projects` and `/v1/files`. */
export const projectOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/v1/projects',
    id: 'listProjects',
    tag: 'Projects',
    summary: 'List projects',
    query: pageSchema,
    answers: { 200: { description: 'Newest first.', content: json(projectsResponseSchema) } },
    problems: ['invalid_request'],
  },
  {
    method: 'POST',
    path: '/v1/projects',
    id: 'createProject',
    tag: 'Projects',
    summary: 'Make a project',
    description: 'A workspace, in which any number of threads work.',
    body: json(createProjectRequestSchema, { name: 'Sales' }),
    answers: {
      201: { description: 'The project.', content: json(projectResponseSchema), headers: ['Location'] },
    },
    problems: ['invalid_request', 'payload_too_large', 'unsupported_media_type'],
  },
  {
    method: 'GET',
    path: '/v1/projects/:id',
    id: 'getProject',
    tag: 'Projects',
    summary: 'Look at a project',
    answers: { 200: { description: 'The project.', content: json(projectResponseSchema) } },
    problems: ['not_found'],
  },
  {
    method: 'PATCH',
    path: '/v1/projects/:id',
    id: 'updateProject',
    tag: 'Projects',
    summary: 'Rename a project',
    body: json(updateProjectRequestSchema, { name: 'Sales of May' }),
    answers: { 200: { description: 'The project.', content: json(projectResponseSchema) } },
    problems: ['invalid_request', 'not_found', 'payload_too_large', 'unsupported_media_type'],
  },
  {
    method: 'DELETE',
    path: '/v1/projects/:id',
    id: 'deleteProject',
    tag: 'Projects',
    summary: 'Delete a project with its threads and uploaded files',
    description:
      'What is at work in it is stopped. Who made the project and every thread in it may, and an owner of the account.',
    answers: { 204: { description: 'It is gone.' } },
    problems: ['not_found', 'forbidden'],
  },
  {
    method: 'GET',
    path: '/v1/projects/:id/files',
    id: 'listFiles',
    tag: 'Files',
    summary: 'List a folder of the workspace',
    description: 'At most 1,000 entries. A project that never had a sandbox has an empty workspace.',
    query: pathQuery('The folder; the workspace itself when absent.').partial(),
    answers: { 200: { description: 'Sorted by path.', content: json(workspaceResponseSchema) } },
    problems: ['invalid_path', 'not_found', 'sandbox_failed', 'sandbox_unavailable'],
  },
  {
    method: 'GET',
    path: '/v1/projects/:id/files/content',
    id: 'readFile',
    tag: 'Files',
    summary: 'Read a file of the workspace',
    query: pathQuery('Relative, or below `/workspace`.'),
    answers: {
      200: {
        description: 'Its bytes.',
        content: [{ mediaType: '*/*', schema: {} }],
        headers: ['Content-Disposition'],
      },
    },
    problems: ['invalid_path', 'not_found', 'payload_too_large', 'sandbox_failed', 'sandbox_unavailable'],
  },
  {
    method: 'POST',
    path: '/v1/files',
    id: 'uploadFile',
    tag: 'Files',
    summary: 'Upload a file before a run',
    description: 'The `url` of the answer is what a file part of a run’s input or a chat’s message holds.',
    body: [
      {
        mediaType: 'multipart/form-data',
        schema: {
          type: 'object',
          properties: {
            file: { type: 'string', contentMediaType: 'application/octet-stream' },
            projectId: {
              type: 'string',
              format: 'uuid',
              description: 'When absent, the file goes to the project of the run that attaches it.',
            },
          },
          required: ['file'],
        },
      },
    ],
    answers: { 201: { description: 'The file.', content: json(fileResponseSchema), headers: ['Location'] } },
    problems: ['invalid_request', 'not_found', 'payload_too_large', 'unsupported_media_type'],
  },
  {
    method: 'GET',
    path: '/v1/files/:id',
    id: 'downloadFile',
    tag: 'Files',
    summary: 'Read an uploaded file',
    answers: {
      302: {
        description: 'The file’s bytes are at this address for five minutes. Keep the address from logs.',
        headers: ['Location', 'Cache-Control'],
      },
    },
    problems: ['not_found'],
  },
];
