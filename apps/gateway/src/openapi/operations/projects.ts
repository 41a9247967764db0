import {
  createProjectRequestSchema,
  fileResponseSchema,
  portResponseSchema,
  projectResponseSchema,
  projectsResponseSchema,
  updateProjectRequestSchema,
  workspaceEntryResponseSchema,
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
    summary: 'Rename a project, or say what its runs are told',
    description:
      'What is absent stays; `instructions` of null are taken away. They count for runs that are taken up from then on.',
    body: json(updateProjectRequestSchema, { name: 'Sales of May', instructions: 'Figures in euros.' }),
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
    problems: ['invalid_path', 'not_found', 'sandbox_failed', 'sandbox_limit', 'sandbox_unavailable'],
  },
  {
    method: 'GET',
    path: '/v1/projects/:id/files/content',
    id: 'readFile',
    tag: 'Files',
    summary: 'Read a file of the workspace',
    query: pathQuery('Relative, or below `/workspace`.'),
    headers: ['Range', 'If-Range'],
    description:
      'Whole, or the one range that `Range` names; `If-Range` takes the `ETag` of an earlier answer.',
    answers: {
      200: {
        description: 'Its bytes.',
        content: [{ mediaType: '*/*', schema: {} }],
        headers: ['Content-Disposition', 'ETag', 'Accept-Ranges'],
      },
      206: {
        description: 'The bytes of the range.',
        content: [{ mediaType: '*/*', schema: {} }],
        headers: ['Content-Disposition', 'Content-Range', 'ETag', 'Accept-Ranges'],
      },
    },
    problems: [
      'invalid_path',
      'not_found',
      'range_not_satisfiable',
      'sandbox_failed',
      'sandbox_limit',
      'sandbox_unavailable',
    ],
  },
  {
    method: 'PUT',
    path: '/v1/projects/:id/files/content',
    id: 'writeFile',
    tag: 'Files',
    summary: 'Put a file into the workspace',
    description:
      'The body is its bytes, at most 4 GiB. It takes the place of what stood there, whole or not at all; missing folders are made.',
    query: pathQuery('Relative, or below `/workspace`.'),
    body: [{ mediaType: 'application/octet-stream', schema: {} }],
    answers: { 200: { description: 'The file.', content: json(workspaceEntryResponseSchema) } },
    problems: [
      'invalid_path',
      'invalid_request',
      'not_found',
      'forbidden',
      'payload_too_large',
      'unsupported_media_type',
      'sandbox_failed',
      'sandbox_full',
      'sandbox_limit',
      'sandbox_unavailable',
    ],
  },
  {
    method: 'DELETE',
    path: '/v1/projects/:id/files/content',
    id: 'deleteFile',
    tag: 'Files',
    summary: 'Remove a file of the workspace',
    description: 'A folder goes with all that is in it.',
    query: pathQuery('Relative, or below `/workspace`.'),
    answers: { 204: { description: 'It is gone.' } },
    problems: [
      'invalid_path',
      'not_found',
      'forbidden',
      'sandbox_failed',
      'sandbox_limit',
      'sandbox_unavailable',
    ],
  },
  {
    method: 'GET',
    path: '/v1/projects/:id/ports/:port',
    id: 'getPort',
    tag: 'Files',
    summary: 'Get the address of what listens on a port of the sandbox',
    description:
      'An address of an origin of its own, for HTTP and WebSockets. Who has it reaches the port until it expires: keep it from logs.',
    answers: { 200: { description: 'The address.', content: json(portResponseSchema) } },
    problems: [
      'invalid_request',
      'not_found',
      'forbidden',
      'sandbox_failed',
      'sandbox_limit',
      'sandbox_unavailable',
    ],
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
