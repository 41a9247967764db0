import { z } from 'zod';
import { parseCustomModels } from './custom-models.ts';
import { type ModelEntry, modelCatalog } from './models.ts';
import { parsedText } from './parsed-text.ts';

/**
 * The variables that say which models exist. Gateway and worker read the same, so that what one accepts the other can
 * run; the gateway only looks whether the keys are set.
 */
export const modelVariables = {
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z.url().optional().describe('An OpenAI-compatible server, with its /v1.'),
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
  MODEL: z.string().optional().describe('The default model.'),
  SCRIPTED_MODEL_URL: z.url().optional().describe('The model that needs no key; refused in production.'),
};

const valuesSchema = z.object(modelVariables);

/** The models that these variables make available, the default one first. */
export function catalogOf(values: z.output<typeof valuesSchema>): readonly ModelEntry[] {
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
