import { errorCodes } from '@switchyard/protocol';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { createApp } from '../app.ts';
import { readConfig } from '../config.ts';
import type { Gateway } from '../gateway.ts';
import { openApiDocument, operations, templateOf } from './document.ts';

const document = openApiDocument({ url: 'https://api.example.com' });

/** The router alone: no route is called, so that none of what they are made of is needed. */
function routesOfApp(): string[] {
  const config = readConfig({
    DATABASE_URL: 'postgres://localhost/none',
    REDIS_URL: 'redis://localhost',
    SUPABASE_URL: 'http://localhost',
    SUPABASE_SECRET_KEY: 'none',
  });
  const app = createApp({ config, page: new Map() } as unknown as Gateway);
  const routes = app.routes.filter(({ method }) => method !== 'ALL');
  return [...new Set(routes.map(({ method, path }) => `${method} ${templateOf(path)}`))].sort();
}

function operationsOfDocument(): string[] {
  return Object.entries(document.paths)
    .flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`))
    .sort();
}

describe('the OpenAPI document', () => {
  it('describes the routes of the app, each of them and no other', () => {
    expect(operationsOfDocument()).toEqual(routesOfApp());
    expect(operations).toHaveLength(operationsOfDocument().length);
  });

  it('is valid to a validator that is not ours', async () => {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document) as Record<string, unknown>);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
    const broken = { ...structuredClone(document), paths: { 'no-slash': { get: {} } } };
    expect((await new Validator().validate(broken as Record<string, unknown>)).valid).toBe(false);
  });

  it('names every operation once, and refers to nothing that is not there', () => {
    const ids = operations.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const text = JSON.stringify(document);
    const references = new Set([...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? ''));
    expect(references.size).toBeGreaterThan(20);
    for (const reference of references) {
      let target: unknown = document;
      for (const segment of reference.split('/')) target = (target as Record<string, unknown>)[segment];
      expect(target, reference).toBeTypeOf('object');
    }
    expect(text).not.toMatch(/__shared|\$defs|"\$id"|"\$schema"/);
  });

  it('has every schema that it shows in use', () => {
    const { schemas } = document['components'] as { schemas: Record<string, unknown> };
    const text = JSON.stringify(document);
    for (const name of Object.keys(schemas)) {
      expect(text.includes(`"#/components/schemas/${name}"`), name).toBe(true);
    }
  });

  it('tells of each route how it fails, by codes that there are', () => {
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const { responses } = operation as { responses: Record<string, unknown> };
        const codes = [...JSON.stringify(responses).matchAll(/"enum":\[([^\]]+)\]/g)].flatMap(
          ([, list]) => JSON.parse(`[${list}]`) as string[],
        );
        expect(codes, `${method} ${path}`).toContain('internal');
        for (const code of codes) expect(errorCodes).toContain(code);
        const isPublic = !path.startsWith('/v1/') || path === '/v1/config';
        expect(codes.includes('unauthorized'), `${method} ${path}`).toBe(!isPublic);
        const isLimited = method !== 'get' || path.endsWith('/stream');
        expect(codes.includes('rate_limited'), `${method} ${path}`).toBe(isLimited);
      }
    }
  });

  it('lets answers gain members, and says where requests may not', () => {
    const { schemas } = document['components'] as { schemas: Record<string, Record<string, unknown>> };
    expect(schemas['Run']).not.toHaveProperty('additionalProperties');
    expect(schemas['StartRunRequest']).toMatchObject({ additionalProperties: false });
    expect(schemas['ChatRequest']).not.toHaveProperty('additionalProperties');
  });
});
