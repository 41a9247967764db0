import type { Answer, Step } from '../answer.ts';
import type { WireMessage, WireRequest, WireTool } from '../wire.ts';
import type { Action, DemoScript } from './action.ts';
import { readConversation, type Task } from './conversation.ts';
import { csvTask, isTable } from './csv-task.ts';
import { plainAnswer } from './plain-answer.ts';
import { textTask } from './text-task.ts';

/**
 * The scripted demo: from a conversation and the tools that it offers to the next thing to do. A pure function; it
 * replays its procedure over the answers that were given, so a retried request gets the same action again.
 */
export function demoPolicy(messages: readonly WireMessage[], tools: readonly WireTool[]): Action {
  const { task, turns } = readConversation(messages, tools);
  const script = scriptFor(task);
  let next = script.next();
  for (const outcomes of turns) {
    if (next.done) break;
    next = script.next(outcomes);
  }
  return noted(next.value, task, turns.length);
}

/** A task may ask for a log of the commands ("note each command in commands.log"): one line for each, before it runs. */
function noted(action: Action, task: Task, turn: number): Action {
  const log = /\bnote each command in ([\w.-]+)/i.exec(task.text)?.[1];
  if (log === undefined) return action;
  const calls = action.calls.map((call, index) =>
    call.name === 'shell'
      ? {
          ...call,
          input: {
            ...call.input,
            command: `echo ${turn}.${index} >> ${log}\n${String(call.input['command'])}`,
          },
        }
      : call,
  );
  return { ...action, calls };
}

function scriptFor(task: Task): DemoScript {
  const hasTools = ['shell', 'write_file', 'todo', 'complete'].every((name) => task.toolNames.has(name));
  if (!hasTools || isSmallTalk(task)) return plainAnswer(task);
  return task.files.some(isTable) ? csvTask(task) : textTask(task);
}

/** A greeting or a word of thanks asks for no work. */
function isSmallTalk(task: Task): boolean {
  return (
    task.files.length === 0 &&
    /^\W*(hi|hello|hey|good (morning|day|evening)|thanks?|thank you|who are you|what are you)\b.{0,20}$/is.test(
      task.text.trim(),
    )
  );
}

/** The policy's action as an answer of the model's server: text in pieces of a few words, arguments in pieces too. */
export function answerOfDemo(request: WireRequest, options: { readonly delayMs: number }): Answer {
  const action = demoPolicy(request.messages, request.tools ?? []);
  const { delayMs } = options;
  const steps: Step[] = [];
  if (action.text !== '') steps.push({ text: naturalChunks(action.text), delayMs });
  for (const { name, input } of action.calls) {
    const pieces = Math.ceil(JSON.stringify(input).length / argumentPieceLength);
    steps.push({ toolCall: { name, arguments: input, pieces }, delayMs });
  }
  return { steps };
}

/** About what a provider sends in one chunk of arguments when it is fast (a guess; it only has to look alive). */
const argumentPieceLength = 160;

/** Cuts a text after every second word or so, as tokens arrive; joined again the chunks are the text. */
export function naturalChunks(text: string): string[] {
  return text.match(/(?:\S+\s*|\s+){1,2}/g) ?? [];
}
