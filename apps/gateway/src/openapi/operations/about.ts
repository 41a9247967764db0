import { configResponseSchema, meResponseSchema, modelsResponseSchema } from '@switchyard/protocol';
import { json, type Operation } from '../operation.ts';

const file = (mediaType: string) => [{ mediaType, schema: {} }];
const unchanged = { description: 'As you have it.' };

/** Who asks and what there is, and what is there for everybody. */
export const aboutOperations: readonly Operation[] = [
  {
    method: 'GET',
    path: '/v1/me',
    id: 'getMe',
    tag: 'Account',
    summary: 'Whose token this is',
    answers: { 200: { description: 'Who asks.', content: json(meResponseSchema) } },
    problems: [],
  },
  {
    method: 'GET',
    path: '/v1/models',
    id: 'listModels',
    tag: 'Account',
    summary: 'List the models that runs may name',
    answers: { 200: { description: 'The default one first.', content: json(modelsResponseSchema) } },
    problems: [],
  },
  {
    method: 'GET',
    path: '/v1/config',
    id: 'getConfig',
    tag: 'About',
    summary: 'Where people sign in',
    access: 'public',
    answers: { 200: { description: 'For front ends.', content: json(configResponseSchema) } },
    problems: [],
  },
  {
    method: 'GET',
    path: '/livez',
    id: 'getLiveness',
    tag: 'About',
    summary: 'Whether this gateway lives',
    access: 'public',
    answers: {
      200: {
        description: 'It does.',
        content: json({
          type: 'object',
          properties: { status: { const: 'ok' } },
          required: ['status'],
        }),
      },
    },
    problems: [],
  },
  {
    method: 'GET',
    path: '/openapi.json',
    id: 'getOpenApi',
    tag: 'About',
    summary: 'This document',
    access: 'public',
    answers: {
      200: { description: 'OpenAPI 3.1.', content: json({ type: 'object', additionalProperties: true }) },
      304: unchanged,
    },
    problems: [],
  },
  {
    method: 'GET',
    path: '/docs',
    id: 'showDocs',
    tag: 'About',
    summary: 'This document, for people',
    access: 'public',
    answers: { 200: { description: 'A page.', content: file('text/html') }, 304: unchanged },
    problems: [],
  },
  {
    method: 'GET',
    path: '/docs/:file',
    id: 'getDocsFile',
    tag: 'About',
    summary: 'A file of that page',
    access: 'public',
    answers: { 200: { description: 'The file.', content: file('*/*') }, 304: unchanged },
    problems: ['not_found'],
  },
  {
    method: 'GET',
    path: '/',
    id: 'showPage',
    tag: 'About',
    summary: 'The page on which people use all of this',
    access: 'public',
    answers: { 200: { description: 'A page.', content: file('text/html') }, 304: unchanged },
    problems: [],
  },
  {
    method: 'GET',
    path: '/page/:file{.+}',
    id: 'getPageFile',
    tag: 'About',
    summary: 'A file of that page',
    access: 'public',
    answers: { 200: { description: 'The file.', content: file('*/*') }, 304: unchanged },
    problems: ['not_found'],
  },
];
