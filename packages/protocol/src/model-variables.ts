import { z } from 'zod';
import { parseCustomModels } from './custom-models.ts';
import { findModel, type ModelEntry, modelCatalog } from './models.ts';
import { parsedText } from './parsed-text.ts';

/**
 * The variables that say which models exist. Gateway and worker read the same, so that what one accepts the other can
 * run; the gateway only looks whether the keys are set.
 */
export const modelVariables = {
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z
    .url()
    .optional()
    // OpenAI itself, which some people name: its models are those that are known.
    .transform((url) => (url !== undefined && new URL(url).hostname === 'api.openai.com' ? undefined : url))
    .describe('An OpenAI-compatible server, with its /v1.'),
  OPENAI_WIRE: z
    .enum(['chat', 'responses'])
    .default('chat')
    .describe('What that server speaks: Chat Completions or Responses.'),
  OPENAI_MODELS: parsedText(parseCustomModels).describe(
    'What that server offers: name; window=131072; output=8192; tools=xml; images, another name.',
  ),
  OPENAI_REASONING_SUMMARY: z
    .enum(['auto', 'concise', 'detailed'])
    .optional()
    .describe('Asks OpenAI to tell what its models think; only verified organizations may.'),
  ANTHROPIC_API_KEY: z.string().optional(),
  ANTHROPIC_BASE_URL: z.url().optional().describe('A server in the place of Anthropic.'),
  MODEL: z
    .string()
    .optional()
    .describe('The default model, by its id or name; unset: the first that is connected.'),
  SCRIPTED_MODEL_URL: z.url().optional().describe('The model that needs no key; refused in production.'),
};

const valuesSchema = z.object(modelVariables);
type Values = z.output<typeof valuesSchema>;

/** The models that these variables make available, the default one first. */
export function catalogOf(values: Values): readonly ModelEntry[] {
  return modelCatalog({
    hasOpenaiKey: values.OPENAI_API_KEY !== undefined,
    hasCustomBaseUrl: values.OPENAI_BASE_URL !== undefined,
    hasAnthropicKey: values.ANTHROPIC_API_KEY !== undefined,
    defaultModel: values.MODEL ?? null,
    customModels: values.OPENAI_MODELS,
    customWire: values.OPENAI_WIRE,
    hasScriptedServer: values.SCRIPTED_MODEL_URL !== undefined,
  });
}

/** Reports a default model that is not among those that the variables make available. */
export function checkModelValues(values: Values, report: (name: string, message: string) => void): void {
  if (values.MODEL === undefined) return;
  const catalog = catalogOf(values);
  if (findModel(catalog, values.MODEL)) return;
  const known = catalog.map(({ id }) => id).join(', ');
  report('MODEL', `is none of the models that are connected here: ${known || 'there are none'}`);
}
