import type { Page } from 'playwright-core';
import type { SwitchyardMessage } from '@switchyard/protocol';
import type { ChatClient, ChatPlace, ChatSession, PageClients } from './chat-session.ts';

/** The clients that run in Chromium, on the page of `page/main.ts`, whose origin is not the gateway's. */
export function browserClients(page: () => Page): readonly ChatClient[] {
  const client = (kind: string, name: string, rejoinCall: string): ChatClient => ({
    name,
    rejoinCall,
    open: (place) => openInPage(page(), kind, place),
  });
  return [
    client('use-chat', '`useChat` of `@ai-sdk/react`', '`resumeStream()`'),
    client(
      'assistant-ui',
      'assistant-ui with `@assistant-ui/react-ai-sdk`, as in `examples/assistant-ui`',
      '`resumeStream()` of `useAISDKChat()`',
    ),
    client('event-source', "Chromium's `EventSource`, with a ticket", 'a new one with `?after=`'),
    client('fetch', "Chromium's `fetch`", '`fetch` with `Last-Event-ID`'),
  ];
}

async function openInPage(page: Page, kind: string, place: ChatPlace): Promise<ChatSession> {
  const session = await page.evaluate(
    ([kind, place]) => (globalThis as unknown as { clients: PageClients }).clients.open(kind, place),
    [kind, JSON.stringify(place)] as const,
  );
  async function call<Result>(method: keyof ChatSession, ...parameters: readonly unknown[]): Promise<Result> {
    const result = await page.evaluate(
      ([session, method, parameters]) =>
        (globalThis as unknown as { clients: PageClients }).clients.call(session, method, parameters),
      [session, method, JSON.stringify(parameters)] as const,
    );
    return JSON.parse(result) as Result;
  }
  return {
    chatId: () => call<string>('chatId'),
    messages: () => call<readonly SwitchyardMessage[]>('messages'),
    send: (text) => call('send', text),
    rejoin: () => call('rejoin'),
    edit: (messageId, text) => call('edit', messageId, text),
    regenerate: (messageId) => call('regenerate', messageId),
    approve: (approvalId, approved) => call('approve', approvalId, approved),
    close: () => call('close'),
  };
}
