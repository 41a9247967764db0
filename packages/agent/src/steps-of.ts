import type { MessagePart } from '@switchyard/protocol';

/** The parts of each step, `step-start` first. */
export function stepsOf(parts: readonly MessagePart[]): MessagePart[][] {
  const steps: MessagePart[][] = [];
  for (const part of parts) {
    if (part.type === 'step-start' || steps.length === 0) steps.push([]);
    steps.at(-1)?.push(part);
  }
  return steps;
}
