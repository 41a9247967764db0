import { z } from 'zod';
import { namedSchemas } from './named-schemas.ts';
import type { JsonSchema } from './operation.ts';

const referenceTo = (name: string) => `#/components/schemas/${name}`;

/** What zod calls the one part that several schemas have in common without a name of ours: any JSON value. */
const sharedJson = '__shared#/$defs/schema0';

/**
 * All named schemas. As what clients send: what is sent back only gains members, so that a client that refuses those it
 * does not know breaks at the next release; requests say themselves where unknown members are refused.
 */
export function componentSchemas(): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(namedSchemas)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: 'input', uri: referenceTo, override: tidy });
  const { __shared: shared, ...others } = schemas as Record<string, Record<string, unknown>>;
  const definitions = Object.values((shared?.['$defs'] ?? {}) as Record<string, Record<string, unknown>>);
  if (definitions.length > 1) throw new Error('two schemas without a name are shared: name them');
  const [anyJson] = definitions;
  const all = { ...others, ...(anyJson ? { JsonValue: anyJson } : {}) };
  return JSON.parse(
    JSON.stringify(all, (key, value: unknown) =>
      key === '$schema' || key === '$id' ? undefined : value,
    ).replaceAll(referenceTo(sharedJson), referenceTo('JsonValue')),
  ) as Record<string, JsonSchema>;
}

/** A reference to a named schema; a JSON schema as it is. Throws for a zod schema that has no name. */
export function schemaOf(schema: z.ZodType | JsonSchema): JsonSchema {
  if (!(schema instanceof z.ZodType)) return schema;
  const [name] = Object.entries(namedSchemas).find(([, named]) => named === schema) ?? [];
  if (name === undefined) throw new Error('a schema of the document has no name');
  return { $ref: referenceTo(name) };
}

/** One parameter's own schema. */
export function inlineSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...own } = z.toJSONSchema(schema, { io: 'input', override: tidy });
  return own;
}

/** Takes out what says nothing to a reader: bounds of JavaScript's integers, patterns beside a format. */
function tidy({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.type === 'integer') {
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  }
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  delete jsonSchema.propertyNames;
}
