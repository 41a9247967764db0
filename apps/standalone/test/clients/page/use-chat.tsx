import { useChat, type UseChatHelpers } from '@ai-sdk/react';
import type { SwitchyardMessage } from '@switchyard/protocol';
import { DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai';
import { useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import type { ChatPlace, ChatSession } from '../chat-session.ts';

/** Stock useChat in a component that shows nothing. */
export async function openUseChat({
  gatewayUrl,
  apiKey,
  chatId = crypto.randomUUID(),
  messages = [],
}: ChatPlace): Promise<ChatSession> {
  const root = createRoot(document.createElement('div'));
  let current: UseChatHelpers<SwitchyardMessage> | undefined;
  const transport = new DefaultChatTransport<SwitchyardMessage>({
    api: `${gatewayUrl}/v1/chat`,
    headers: { authorization: `Bearer ${apiKey}` },
  });
  await new Promise<void>((resolve) => {
    function View() {
      const chat = useChat<SwitchyardMessage>({
        id: chatId,
        messages: [...messages],
        transport,
        sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
      });
      useEffect(() => {
        current = chat;
        resolve();
      });
      return null;
    }
    root.render(<View />);
  });
  function chat(): UseChatHelpers<SwitchyardMessage> {
    if (!current) throw new Error('useChat has not been rendered.');
    return current;
  }
  return {
    chatId: async () => chatId,
    messages: async () => chat().messages,
    send: (text) => chat().sendMessage({ text }),
    rejoin: () => chat().resumeStream(),
    edit: (messageId, text) => chat().sendMessage({ text, messageId }),
    regenerate: (messageId) => chat().regenerate({ messageId }),
    approve: async (id, approved) => await chat().addToolApprovalResponse({ id, approved }),
    close: async () => root.unmount(),
  };
}
