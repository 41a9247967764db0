import addFormats from 'ajv-formats';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

type Json = Readonly<Record<string, unknown>>;

/** An OpenAPI 3.1 document, as far as answers are checked against it. */
export interface AnswersDocument {
  readonly paths: Readonly<Record<string, unknown>>;
  readonly components?: unknown;
}

/** An answer as a client saw it. */
export interface SeenAnswer {
  readonly method: string;
  /** Of the request, without its query. */
  readonly path: string;
  readonly status: number;
  readonly header: (name: string) => string | null;
  /** The text of a JSON body; null when it is none or was not read. */
  readonly body: string | null;
}

export interface AnswerChecker {
  /** What of the answer is not as the document says; empty when all is. */
  check(answer: SeenAnswer): string[];
  /** `GET /v1/runs/{id}`: those of which an answer was seen that is no failure. */
  readonly succeeded: ReadonlySet<string>;
}

interface Route {
  readonly name: string;
  readonly method: string;
  readonly pattern: RegExp;
  readonly responses: Json;
}

/**
 * Checks answers against a document more strictly than clients may: a status, a media type or a member that the document
 * does not name is a fault, and so is a header that it promises and that is not there.
 */
export function createAnswerChecker(document: AnswersDocument): AnswerChecker {
  const closed = closeObjects(document) as AnswersDocument;
  const routes = routesOf(closed);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const validators = new Map<unknown, ValidateFunction>();
  const succeeded = new Set<string>();

  function validatorOf(schema: Json): ValidateFunction {
    const known = validators.get(schema) ?? ajv.compile({ ...schema, components: closed.components });
    validators.set(schema, known);
    return known;
  }

  function dereference(value: unknown): Json {
    const reference = (value as { $ref?: string }).$ref;
    if (reference === undefined) return value as Json;
    const path = reference.slice('#/'.length).split('/');
    return path.reduce<unknown>((target, name) => (target as Json)[name], closed) as Json;
  }

  /** Of what no route answers: that there is none, or not by this method, or that nobody is let in. */
  const elsewhere: Json = {
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };

  function bodyFaults({ status, header, body }: SeenAnswer, response: Json): string[] {
    const mediaType = (header('content-type') ?? '').split(';', 1)[0]?.trim() ?? '';
    const content = (response['content'] ?? {}) as Json;
    if (Object.keys(content).length === 0) return mediaType === '' ? [] : [`a body of ${mediaType}`];
    const described = (content[mediaType] ?? content['*/*']) as { schema: Json } | undefined;
    if (!described) return [`the media type ${mediaType || '(none)'}`];
    if (body === null) return [];
    const validate = validatorOf(described.schema);
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return ['a body that is no JSON'];
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message = '', params }) =>
        `${status} ${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
    );
  }

  function headerFaults({ header }: SeenAnswer, response: Json): string[] {
    return Object.entries((response['headers'] ?? {}) as Json).flatMap(([name, described]) => {
      if (dereference(described)['required'] !== true || header(name) !== null) return [];
      return [`the header ${name} is missing`];
    });
  }

  return {
    succeeded,
    check(answer) {
      const method = answer.method === 'HEAD' ? 'GET' : answer.method;
      if (method === 'OPTIONS') return [];
      const route = routes.find((each) => each.method === method && each.pattern.test(answer.path));
      const { status } = answer;
      // Another method of a path, or a stream by HEAD.
      const isElsewhere = status === 405 || (!route && (status === 404 || status === 401 || status === 429));
      const response = isElsewhere ? elsewhere : route?.responses[String(status)];
      const where = `${answer.method} ${route?.name.split(' ')[1] ?? answer.path}`;
      if (response === undefined) return [`${where}: the status ${status}`];
      if (route && status < 400) succeeded.add(route.name);
      const faults = bodyFaults(
        answer.method === 'HEAD' ? { ...answer, body: null } : answer,
        response as Json,
      );
      return [...faults, ...headerFaults(answer, response as Json)].map((fault) => `${where}: ${fault}`);
    },
  };
}

function routesOf({ paths }: AnswersDocument): Route[] {
  return Object.entries(paths).flatMap(([template, item]) =>
    Object.entries(item as Json).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${template}`,
      method: method.toUpperCase(),
      pattern: patternOf(template),
      responses: (operation as { responses: Json }).responses,
    })),
  );
}

/** A placeholder at the end of a page's path may hold slashes; elsewhere it is one segment. */
function patternOf(template: string): RegExp {
  const pattern = template
    .split(/(\{\w+\})/)
    .map((piece) =>
      piece.startsWith('{') ? (template.startsWith('/page/') ? '.+' : '[^/]+') : escape(piece),
    );
  return new RegExp(`^${pattern.join('')}$`);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** The document with every object of its schemas closed that does not say itself what else it may hold. */
function closeObjects(value: unknown, isComposed = false): unknown {
  if (Array.isArray(value)) return value.map((each) => closeObjects(each, isComposed));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.fromEntries(
    // Parts of an `allOf` describe one object together: none may close it for the others.
    Object.entries(value).map(([name, member]) => [name, closeObjects(member, name === 'allOf')]),
  );
  const isOpen = 'type' in value && value.type === 'object' && 'properties' in value;
  return isOpen && !isComposed && !('additionalProperties' in value)
    ? { ...members, additionalProperties: false }
    : members;
}
