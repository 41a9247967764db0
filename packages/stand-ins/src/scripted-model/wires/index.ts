import { chatWire } from './chat.ts';
import { messagesWire } from './messages.ts';
import { responsesWire } from './responses.ts';
import type { WireFormat } from './wire-format.ts';

export type WireName = 'chat' | 'responses' | 'messages';

/** The protocols that the scripted model speaks. */
export const wires: Readonly<Record<WireName, WireFormat>> = {
  chat: chatWire,
  responses: responsesWire,
  messages: messagesWire,
};
