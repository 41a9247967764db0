import {
  type AppendMessage,
  type AssistantRuntime,
  useAuiState,
  useRemoteThreadListRuntime,
} from '@assistant-ui/react';
import { AssistantChatTransport, useAISDKChat, useChatRuntime } from '@assistant-ui/react-ai-sdk';
import {
  type CreateUIMessage,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type UIMessage,
} from 'ai';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { Gateway } from './gateway.ts';
import { createThreadListAdapter } from './thread-list-adapter.ts';

/** assistant-ui's runtime for the AI SDK, one per thread, with the gateway behind its chats and its thread list. */
export function useSwitchyardRuntime({ url, headers, client }: Gateway): AssistantRuntime {
  const adapter = useMemo(() => createThreadListAdapter(client), [client]);
  const [threadId, setThreadId] = useState(() => location.hash.slice(1) || undefined);
  return useRemoteThreadListRuntime({
    adapter,
    threadId,
    onThreadIdChange(id) {
      setThreadId(id);
      history.replaceState(null, '', id === undefined ? location.pathname : `#${id}`);
    },
    runtimeHook: function useThreadRuntime() {
      const transport = useMemo(() => new AssistantChatTransport({ api: `${url}/v1/chat`, headers }), []);
      return useChatRuntime({
        transport,
        toCreateMessage,
        // Goes on as soon as every call that asked was allowed or refused.
        sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
      });
    },
  });
}

/** An edited message keeps its id: so the gateway knows what it replaces. */
function toCreateMessage<Message extends UIMessage>({
  content,
  sourceId,
}: AppendMessage): CreateUIMessage<Message> {
  const parts = content.flatMap((part) =>
    part.type === 'text' ? [{ type: part.type, text: part.text }] : [],
  );
  const message: CreateUIMessage<UIMessage> = { role: 'user', parts, ...(sourceId ? { id: sourceId } : {}) };
  return message as CreateUIMessage<Message>;
}

/** Joins the answer that is still coming in the thread that is opened: after a reload, or from another window. */
export function useResume(): void {
  const chat = useAISDKChat();
  const { id, remoteId } = useAuiState((state) => state.threadListItem);
  const isLoading = useAuiState((state) => state.thread.isLoading);
  const opened = useRef<string | null>(null);
  useEffect(() => {
    if (isLoading || id === opened.current) return;
    opened.current = id;
    // A thread that begins here has no other id yet, and nothing to join.
    if (remoteId !== undefined && chat?.status === 'ready') void chat.resumeStream();
  }, [chat, id, remoteId, isLoading]);
}
