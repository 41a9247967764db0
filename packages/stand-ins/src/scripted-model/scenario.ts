import { z } from 'zod';
import { type Answer, answerSchema } from './answer.ts';
import { textOfMessage, type WireMessage, type WireRequest } from './wire.ts';

/** How often a fault happens: for the first `times` requests that reach it, or always when absent. */
const timesSchema = z.int().positive().optional();

/** Where a fault happens in an answer; with neither, before its last words. */
const place = {
  afterChunks: z.int().nonnegative().optional(),
  /** Events of the stream, also those of its head and its last words; an answer that has fewer ends well. */
  afterFrames: z.int().nonnegative().optional(),
};

/**
 * A fault of the model's server. `status`: the request is refused (Retry-After in seconds when given). `context-length`:
 * it is refused as too long, in the words of the wire. The others come after so many chunks, or after so many
 * events of a stream. `cut`: the socket is destroyed. `close`: the answer just ends, without its last words. `stall`: silence until the client goes away; with 0
 * not even the headers are answered. `error`: the wire's own frame for a failure in mid-stream.
 */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(400).max(599),
    retryAfterSeconds: z.number().nonnegative().optional(),
    message: z.string().optional(),
    times: timesSchema,
  }),
  z.strictObject({ kind: z.literal('context-length'), message: z.string().optional(), times: timesSchema }),
  z.strictObject({ kind: z.literal('cut'), ...place, times: timesSchema }),
  z.strictObject({ kind: z.literal('close'), ...place, times: timesSchema }),
  z.strictObject({ kind: z.literal('stall'), ...place, times: timesSchema }),
  z.strictObject({
    kind: z.literal('error'),
    ...place,
    is: z.enum(['status', 'overloaded', 'context-length']).optional(),
    message: z.string().optional(),
    /** Sent in a stream in the place of the wire's own words. */
    frame: z.record(z.string(), z.unknown()).optional(),
    times: timesSchema,
  }),
]);
export type Fault = z.infer<typeof faultSchema>;
/** A fault in the middle of an answer. */
export type AnswerFault = Exclude<Fault, { kind: 'status' | 'context-length' }>;

const turnSchema = answerSchema.extend({ faults: z.array(faultSchema).optional() });

/**
 * A scripted conversation. The n-th turn answers the request that holds n assistant messages after the user message
 * that chose the scenario: the same history always gets the same turn, also after a crash or a retry.
 */
export const scenarioSchema = z.strictObject({
  /** All conditions that are present must hold. Without `match` only `[[scenario:name]]` chooses the scenario. */
  match: z
    .strictObject({
      /** Found in the text of the last user message. */
      text: z.string().optional(),
      model: z.string().optional(),
      /** The number of messages in the request, system messages included. */
      messageCount: z.int().positive().optional(),
    })
    .optional(),
  turns: z.array(turnSchema).min(1),
  /** Happen at every turn, before the turn's own. */
  faults: z.array(faultSchema).optional(),
});
export type Scenario = z.infer<typeof scenarioSchema>;

/** The scenario and turn that answer a request; `faults` carry keys under which their occurrences are counted. */
export interface ChosenTurn {
  readonly scenario: string;
  readonly turn: number;
  readonly answer: Answer;
  readonly faults: readonly { readonly key: string; readonly fault: Fault }[];
}

const directivePattern = /\[\[scenario:([A-Za-z0-9._-]+)\]\]/g;

/**
 * Finds the turn that answers a request, or null when no scenario is meant (the demo policy answers then). The last
 * `[[scenario:name]]` in a user message wins while it has turns left or is the newest message; then the first scenario
 * whose `match` holds. Throws an UnknownScenarioError for a name that nobody registered.
 */
export function chooseTurn(
  scenarios: ReadonlyMap<string, Scenario>,
  request: WireRequest,
): ChosenTurn | null {
  if (asksForTitle(request)) return titleTurn(scenarios);
  const lastUser = request.messages.findLastIndex((message) => message.role === 'user');
  const directive = findDirective(request.messages);
  if (directive) {
    const scenario = scenarios.get(directive.name);
    if (!scenario) throw new UnknownScenarioError(directive.name);
    const turn = turnsSince(request.messages, directive.index);
    if (turn < scenario.turns.length || directive.index === lastUser) {
      return chosenTurn(directive.name, scenario, turn);
    }
  }
  for (const [name, scenario] of scenarios) {
    if (matches(scenario, request, lastUser)) {
      return chosenTurn(name, scenario, turnsSince(request.messages, lastUser));
    }
  }
  return null;
}

/** A request for a conversation's title, beside the conversation itself: its message names a scenario for somebody else. */
function asksForTitle({ messages }: WireRequest): boolean {
  return messages.some(
    (message) =>
      message.role === 'system' && textOfMessage(message).startsWith('You write titles for conversations.'),
  );
}

/** The scenario `title`, or the same title for each conversation. */
function titleTurn(scenarios: ReadonlyMap<string, Scenario>): ChosenTurn {
  return chosenTurn(
    'title',
    scenarios.get('title') ?? { turns: [{ steps: [{ text: 'A conversation' }] }] },
    0,
  );
}

/** A directive names a scenario that is not registered: a mistake of the test, so it is refused and not guessed. */
export class UnknownScenarioError extends Error {
  constructor(name: string) {
    super(`There is no scenario "${name}".`);
    this.name = 'UnknownScenarioError';
  }
}

function chosenTurn(name: string, scenario: Scenario, turn: number): ChosenTurn {
  const scripted = scenario.turns[turn];
  const faults = [
    ...(scenario.faults ?? []).map((fault, index) => ({ key: `${name}/${index}`, fault })),
    ...(scripted?.faults ?? []).map((fault, index) => ({ key: `${name}/${turn}/${index}`, fault })),
  ];
  const answer = scripted ?? {
    steps: [{ text: `The scenario "${name}" has no turn ${turn + 1}.` }],
  };
  return { scenario: name, turn, answer, faults };
}

function findDirective(messages: readonly WireMessage[]): { name: string; index: number } | null {
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index];
    if (message?.role !== 'user') continue;
    // Clients join messages that follow each other: the newest is the last of one text too.
    const name = [...textOfMessage(message).matchAll(directivePattern)].at(-1)?.[1];
    if (name !== undefined) return { name, index };
  }
  return null;
}

function turnsSince(messages: readonly WireMessage[], index: number): number {
  return messages.slice(index + 1).filter((message) => message.role === 'assistant').length;
}

function matches({ match }: Scenario, request: WireRequest, lastUser: number): boolean {
  if (!match) return false;
  if (match.model !== undefined && match.model !== request.model) return false;
  if (match.messageCount !== undefined && match.messageCount !== request.messages.length) return false;
  if (match.text === undefined) return true;
  const message = request.messages[lastUser];
  return message !== undefined && textOfMessage(message).includes(match.text);
}
