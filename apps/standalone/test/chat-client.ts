import type { SwitchyardMessage } from '@switchyard/protocol';
import {
  AbstractChat,
  type ChatState,
  type ChatStatus,
  type ChatTransport,
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
} from 'ai';

/** useChat without a view: the SDK's own chat class. */
export class TestChat extends AbstractChat<SwitchyardMessage> {}

/** A chat over the SDK's own default transport, or over another. */
export function createTestChat({
  gatewayUrl,
  apiKey,
  id,
  messages = [],
  transport = createTransport({ gatewayUrl, apiKey }),
}: {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly id: string;
  readonly messages?: readonly SwitchyardMessage[];
  readonly transport?: ChatTransport<SwitchyardMessage>;
}): TestChat {
  return new TestChat({
    id,
    state: createState(messages),
    transport,
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
}

export function createTransport({
  gatewayUrl,
  apiKey,
}: {
  readonly gatewayUrl: string;
  readonly apiKey: string;
}): DefaultChatTransport<SwitchyardMessage> {
  return new DefaultChatTransport({
    api: `${gatewayUrl}/v1/chat`,
    headers: { authorization: `Bearer ${apiKey}` },
  });
}

function createState(initial: readonly SwitchyardMessage[]): ChatState<SwitchyardMessage> {
  const state: ChatState<SwitchyardMessage> = {
    status: 'ready' satisfies ChatStatus,
    error: undefined,
    messages: [...initial],
    pushMessage: (message) => void (state.messages = [...state.messages, message]),
    popMessage: () => void (state.messages = state.messages.slice(0, -1)),
    replaceMessage: (index, message) =>
      void (state.messages = state.messages.with(index, structuredClone(message))),
    snapshot: structuredClone,
  };
  return state;
}

/** What travels of messages or parts: what a client leaves undefined is not there. */
export function plain(shown: unknown): unknown {
  return JSON.parse(JSON.stringify(shown ?? null));
}
