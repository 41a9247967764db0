import type { SwitchyardMessage } from '@switchyard/protocol';
import type { ChatTransport } from 'ai';
import { createTestChat } from '../chat-client.ts';
import type { ChatPlace, ChatSession } from './chat-session.ts';

/** The AI SDK's chat class over a transport, without a view. */
export function openSdkChat(
  { gatewayUrl, apiKey, chatId = crypto.randomUUID(), messages = [] }: ChatPlace,
  transport?: ChatTransport<SwitchyardMessage>,
): ChatSession {
  const chat = createTestChat({
    gatewayUrl,
    apiKey,
    id: chatId,
    messages,
    ...(transport ? { transport } : {}),
  });
  return {
    chatId: async () => chatId,
    messages: async () => chat.messages,
    send: (text) => chat.sendMessage({ text }),
    rejoin: () => chat.resumeStream(),
    edit: (messageId, text) => chat.sendMessage({ text, messageId }),
    regenerate: (messageId) => chat.regenerate({ messageId }),
    approve: async (id, approved) => await chat.addToolApprovalResponse({ id, approved }),
    close: async () => await chat.stop(),
  };
}
