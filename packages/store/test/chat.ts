import type { InputPart, SwitchyardMessage } from '@switchyard/protocol';
import {
  type Actor,
  type Database,
  finishRun,
  readFollowedRuns,
  readMessages,
  startChatRun,
  type StartChatRunOptions,
  type StartedRun,
  storeParts,
} from '../src/index.ts';
import { claim, stepStart, textPart, usageOf } from './fixtures.ts';

type Said = Partial<Omit<StartChatRunOptions, 'threadId'>>;

/** What one person does in chats. */
export interface Chatter {
  /** A user's message of this id and text; its hash is that of its text. */
  readonly say: (threadId: string, id: string, words: string, options?: Said) => Promise<StartedRun>;
  /** Another answer, as useChat asks for it: the user's message comes along, and maybe the answer's id. */
  readonly again: (threadId: string, id: string, answerId?: string) => Promise<StartedRun>;
  /** `<role>: <text>` of each message that the thread shows. */
  readonly shown: (threadId: string) => Promise<string[]>;
}

export function createChatter(sql: Database, actor: Actor): Chatter {
  const say: Chatter['say'] = (threadId, id, words, options) =>
    startChatRun(sql, actor, {
      trigger: 'submit',
      threadId,
      model: 'scripted:demo',
      limits: {},
      message: { id, parts: text(words), clientHash: `hash of ${words}` },
      ...options,
    });
  return {
    say,
    again: (threadId, id, answerId) =>
      say(threadId, id, 'whatever it says now', { trigger: 'regenerate', answerId }),
    shown: async (threadId) => wordsOf((await readMessages(sql, actor, threadId, { limit: 100 })).messages),
  };
}

export function text(value: string): InputPart[] {
  return [{ type: 'text', text: value }];
}

/** `<role>: <text>` of each message. */
export function wordsOf(messages: readonly SwitchyardMessage[]): string[] {
  return messages.map(({ role, parts }) => {
    const words = parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
    return `${role}: ${words}`;
  });
}

/** Works a run to its end, with one text. */
export async function answer(
  sql: Database,
  { run }: Pick<StartedRun, 'run'>,
  words: string,
): ReturnType<typeof finishRun> {
  const [followed] = await readFollowedRuns(sql, [run.id]);
  const epoch = await claim(sql, { run, wakeup: followed?.wakeup ?? 0 });
  await storeParts(sql, {
    runId: run.id,
    epoch,
    step: 1,
    parts: [{ part: stepStart }, { part: textPart(words) }],
    usage: usageOf(1, 1),
    costUsd: 0,
    lastOrdinal: 5,
    isFinal: true,
  });
  return finishRun(sql, { runId: run.id, epoch, reason: 'answered', lastOrdinal: 6 });
}
