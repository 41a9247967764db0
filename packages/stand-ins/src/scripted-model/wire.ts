import { z } from 'zod';

const toolCallSchema = z.looseObject({
  id: z.string(),
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
});

/** One message in the shape of the chat completions wire, as far as scenarios and the demo policy read it. */
const wireMessageSchema = z.looseObject({
  role: z.string(),
  content: z
    .union([z.string(), z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))])
    .nullish(),
  tool_calls: z.array(toolCallSchema).nullish(),
  tool_call_id: z.string().optional(),
});
export type WireMessage = z.infer<typeof wireMessageSchema>;

const wireToolSchema = z.looseObject({
  type: z.string(),
  function: z.looseObject({ name: z.string(), parameters: z.unknown().optional() }).optional(),
});
export type WireTool = z.infer<typeof wireToolSchema>;

/** A request in the shape of `POST /v1/chat/completions`, into which those of the other wires are turned. */
export const wireRequestSchema = z.looseObject({
  model: z.string().min(1),
  messages: z.array(wireMessageSchema).min(1),
  tools: z.array(wireToolSchema).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
});
export type WireRequest = z.infer<typeof wireRequestSchema>;

/** The text of a message's content, its text parts joined by line ends; empty for images and for null. */
export function textOfMessage(message: WireMessage): string {
  if (typeof message.content === 'string') return message.content;
  return (message.content ?? [])
    .flatMap((part) => (part.type === 'text' && part.text !== undefined ? [part.text] : []))
    .join('\n');
}
