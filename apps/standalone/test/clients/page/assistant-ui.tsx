import { AssistantRuntimeProvider, type AssistantRuntime, useAuiState } from '@assistant-ui/react';
import { useAISDKChat } from '@assistant-ui/react-ai-sdk';
import { createClient } from '@switchyard/client';
import { useSwitchyardRuntime } from '@switchyard/example-assistant-ui';
import type { SwitchyardMessage } from '@switchyard/protocol';
import { useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import type { ChatPlace, ChatSession } from '../chat-session.ts';

interface Shown {
  readonly runtime: AssistantRuntime;
  readonly chat: NonNullable<ReturnType<typeof useAISDKChat>>;
  readonly threadId: string | undefined;
  readonly isLoading: boolean;
}

/** assistant-ui with its runtime for the AI SDK, set up as the example does, in a component that shows nothing. */
export async function openAssistantUi({ gatewayUrl, apiKey, chatId }: ChatPlace): Promise<ChatSession> {
  const root = createRoot(document.createElement('div'));
  // The example opens the thread that the page's address names.
  history.replaceState(null, '', chatId === undefined ? location.pathname : `#${chatId}`);
  const gateway = {
    url: gatewayUrl,
    headers: { authorization: `Bearer ${apiKey}` },
    client: createClient({ url: gatewayUrl, token: apiKey }),
  };
  let current: Shown | undefined;
  const waiting = new Set<() => void>();
  function Probe({ runtime }: { readonly runtime: AssistantRuntime }) {
    const chat = useAISDKChat();
    const threadId = useAuiState((state) => state.threadListItem.remoteId);
    const isLoading = useAuiState((state) => state.thread.isLoading);
    useEffect(() => {
      if (chat) current = { runtime, chat, threadId, isLoading };
      for (const check of waiting) check();
    });
    return null;
  }
  function View() {
    const runtime = useSwitchyardRuntime(gateway);
    return (
      <AssistantRuntimeProvider runtime={runtime}>
        <Probe runtime={runtime} />
      </AssistantRuntimeProvider>
    );
  }
  root.render(<View />);

  async function until(condition: (shown: Shown) => boolean): Promise<Shown> {
    return await new Promise((resolve) => {
      const check = () => {
        if (!current || !condition(current)) return;
        waiting.delete(check);
        resolve(current);
      };
      waiting.add(check);
      check();
    });
  }
  const ready = () =>
    until(({ isLoading, threadId }) => !isLoading && (chatId === undefined || threadId === chatId));
  const isQuiet = ({ chat }: Shown) => chat.status === 'ready' || chat.status === 'error';
  /** The runtime's methods do not wait for what they begin. */
  async function begin(act: (shown: Shown) => void): Promise<void> {
    const shown = await ready();
    const begun = until((now) => !isQuiet(now));
    act(shown);
    await begun;
    await until(isQuiet);
  }
  await ready();

  return {
    chatId: async () => (await until(({ threadId }) => threadId !== undefined)).threadId ?? '',
    messages: async () => (await ready()).chat.messages as SwitchyardMessage[],
    send: (text) => begin(({ runtime }) => runtime.thread.append(text)),
    rejoin: async () => await (await ready()).chat.resumeStream(),
    edit: (messageId, text) =>
      begin(({ runtime }) => {
        const { composer } = runtime.thread.getMessageById(messageId);
        composer.beginEdit();
        composer.setText(text);
        composer.send();
      }),
    regenerate: (messageId) => begin(({ runtime }) => runtime.thread.getMessageById(messageId).reload()),
    approve: async (approvalId, approved) =>
      await (await ready()).chat.addToolApprovalResponse({ id: approvalId, approved }),
    close: async () => root.unmount(),
  };
}
