import type { DemoScript } from './action.ts';
import type { Task } from './conversation.ts';
import { howToUseAModel, introduction } from './introduction.ts';

/** An answer without tools: to a greeting, or when the request offers none of the tools that the demo knows. */
// oxlint-disable-next-line require-yield -- a procedure of one step, in the form of the others
export function* plainAnswer(task: Task): DemoScript {
  const offer = task.toolNames.has('shell')
    ? ' Give me a task, or attach a CSV file and I shall analyse it.'
    : ' This request offers no tools that I know, so all I can do is answer.';
  return { text: `Hello! ${introduction}${offer}\n\n${howToUseAModel}`, calls: [] };
}
