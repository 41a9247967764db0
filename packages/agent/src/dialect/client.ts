import type { ModelEntry } from '@switchyard/protocol';
import { type LanguageModel, type LanguageModelMiddleware, wrapLanguageModel } from 'ai';
import { alternatingRoles } from './alternating-roles.ts';
import { shortCallIds } from './call-ids.ts';
import { markForCache } from './cache-markers.ts';
import { imagesBeside, withoutImages } from './images.ts';
import { droppedReasoning, followedThinking, sealedReasoning, thinkingAllowed } from './reasoning.ts';
import { callsAsText } from './xml/calls-from-text.ts';

/** A client of the SDK that asks one model. */
export type Client = Extract<LanguageModel, { specificationVersion: 'v4' }>;

/** What one request tells a client. */
export type CallParams = Parameters<NonNullable<LanguageModelMiddleware['transformParams']>>[0]['params'];
export type Prompt = CallParams['prompt'];
export type PromptMessage = Prompt[number];
type Change = (params: CallParams) => CallParams;

/** The client with what its provider and its model need of a conversation that was written for any of them. */
export function adapted(client: Client, entry: ModelEntry): Client {
  const changes = changesFor(entry);
  const transformParams: LanguageModelMiddleware['transformParams'] = ({ params }) =>
    Promise.resolve(changes.reduce((changed, change) => change(changed), params));
  // The first is the outermost: calls become texts before anything else is changed.
  const middleware = [
    ...(entry.supports.tools === 'xml' ? [callsAsText] : []),
    ...(changes.length > 0 ? [{ transformParams }] : []),
  ];
  return middleware.length === 0 ? client : wrapLanguageModel({ model: client, middleware });
}

function changesFor({ wire, reasoning, supports, cache }: ModelEntry): Change[] {
  const changes: Change[] = [];
  if (reasoning === 'dropped' || reasoning === 'none') changes.push(droppedReasoning);
  if (reasoning === 'sealed' && wire === 'responses') changes.push(sealedReasoning);
  if (wire === 'messages') changes.push(followedThinking);
  if (reasoning === 'sealed' && wire === 'messages') changes.push(thinkingAllowed);
  if (!supports.images) changes.push(withoutImages);
  else if (wire === 'chat') changes.push(imagesBeside);
  if (wire === 'chat') changes.push(alternatingRoles, shortCallIds);
  if (cache === 'markers') changes.push(markForCache);
  return changes;
}
