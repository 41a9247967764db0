import { describeError, type ErrorCode, problemSchema } from '@switchyard/protocol';
import { requestHeaders, responseHeaders } from './headers.ts';
import { componentSchemas, inlineSchema, schemaOf } from './json-schema.ts';
import type { Answer, Content, HeaderName, JsonSchema, Operation } from './operation.ts';
import { aboutOperations } from './operations/about.ts';
import { chatOperations } from './operations/chat.ts';
import { projectOperations } from './operations/projects.ts';
import { runOperations } from './operations/runs.ts';
import { threadOperations } from './operations/threads.ts';

/** Every route of the gateway; a test holds it against the router. */
export const operations: readonly Operation[] = [
  ...runOperations,
  ...chatOperations,
  ...threadOperations,
  ...projectOperations,
  ...aboutOperations,
];

/** As far as it is read again by us. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly [member: string]: unknown;
}

const description = `The backend of an AI agent product: start runs, follow their streams, leave and come back.

Send \`Authorization: Bearer\` with an access token of the sign-in service or an API key. What goes wrong is answered as a
problem document (RFC 9457) whose \`code\` is stable and whose \`detail\` is fit for people; \`errors\` point into the
request (RFC 6901). Times are ISO 8601 in UTC. A \`threadId\` is an id or the \`externalId\` that you gave. Answers may gain
members.`;

/** The OpenAPI 3.1 document of this gateway, made from the schemas that check what clients send. */
export function openApiDocument({ url }: { readonly url: string }): OpenApiDocument {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = (paths[templateOf(operation.path)] ??= {});
    path[operation.method.toLowerCase()] = describeOperation(operation);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Switchyard',
      version: '1',
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    tags: [...new Set(operations.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token, or an API key (`sy_…`).' },
        ticket: {
          type: 'apiKey',
          in: 'query',
          name: 'ticket',
          description: 'For the stream of one run: `POST /v1/runs/{id}/tickets`.',
        },
      },
      // Whatever refers to one says that it is always there.
      headers: Object.fromEntries(
        Object.entries(responseHeaders).map(([name, header]) => [name, { required: true, ...header }]),
      ),
      schemas: componentSchemas(),
    },
  };
}

/** `/v1/runs/:id` → `/v1/runs/{id}`, and `/page/:file{.+}` → `/page/{file}`. */
export function templateOf(routePath: string): string {
  return routePath.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}');
}

function describeOperation(operation: Operation): JsonSchema {
  const { id, tag, summary, description: more, access = 'bearer', body } = operation;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(more === undefined ? {} : { description: more }),
    security: { bearer: [{ bearer: [] }], ticket: [{ bearer: [] }, { ticket: [] }], public: [] }[access],
    parameters: parametersOf(operation),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: { ...answersOf(operation), ...problemsOf(operation) },
  };
}

function parametersOf({ path, access, query, headers = [] }: Operation): JsonSchema[] {
  const names = [...templateOf(path).matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  // The ticket is a way in, and stands under security.
  const queries = Object.entries(query?.shape ?? {}).filter(
    ([name]) => access !== 'ticket' || name !== 'ticket',
  );
  return [
    ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...queries.map(([name, schema]) => {
      const { description: text, ...own } = inlineSchema(schema as Parameters<typeof inlineSchema>[0]);
      const required = !(schema as { safeParse(value: unknown): { success: boolean } }).safeParse(undefined)
        .success;
      return {
        name,
        in: 'query',
        required,
        ...(text === undefined ? {} : { description: text }),
        schema: own,
      };
    }),
    ...headers.map((name) => ({ name, in: 'header', required: false, ...requestHeaders[name] })),
  ];
}

function contentOf(content: readonly Content[]): JsonSchema {
  return Object.fromEntries(
    content.map(({ mediaType, schema, example }) => [
      mediaType,
      { schema: schemaOf(schema), ...(example === undefined ? {} : { example }) },
    ]),
  );
}

function isWriting({ method, access = 'bearer' }: Operation): boolean {
  return method !== 'GET' && access !== 'public';
}

function headersOf(names: readonly HeaderName[]): JsonSchema {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function answersOf(operation: Operation): JsonSchema {
  const limit: HeaderName[] = isWriting(operation) ? ['RateLimit', 'RateLimit-Policy'] : [];
  return Object.fromEntries(
    Object.entries(operation.answers).map(
      ([status, { description: text, content, headers = [] }]: [string, Answer]) => [
        status,
        {
          description: text,
          headers: headersOf(['X-Request-Id', ...limit, ...headers]),
          ...(content === undefined ? {} : { content: contentOf(content) }),
        },
      ],
    ),
  );
}

/** What any route of its kind may answer. */
function commonProblems(operation: Operation): ErrorCode[] {
  if (operation.access === 'public') return ['internal'];
  return [
    'unauthorized',
    ...(isWriting(operation) ? (['rate_limited'] as const) : []),
    'internal',
    'unavailable',
  ];
}

const headersOfProblem = (operation: Operation): Partial<Record<number, JsonSchema>> => ({
  401: headersOf(['WWW-Authenticate']),
  429: headersOf([
    'Retry-After',
    ...(isWriting(operation) ? (['RateLimit', 'RateLimit-Policy'] as const) : []),
  ]),
  503: { 'Retry-After': responseHeaders['Retry-After'] },
});

function problemsOf(operation: Operation): JsonSchema {
  const byStatus = Map.groupBy(
    new Set([...operation.problems, ...commonProblems(operation)]),
    (code) => describeError(code).status,
  );
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${describeError(code).title}`).join(' '),
        headers: { ...headersOf(['X-Request-Id']), ...headersOfProblem(operation)[status] },
        content: {
          'application/problem+json': {
            schema: {
              allOf: [
                schemaOf(problemSchema),
                { properties: { status: { const: status }, code: { enum: codes } } },
              ],
            },
          },
        },
      },
    ]),
  );
}
