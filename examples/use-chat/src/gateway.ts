import type { UIMessage } from 'ai';

/** The gateway, and who we are there. */
export interface Gateway {
  readonly url: string;
  readonly headers: { readonly authorization: string };
}

/** Asks who serves this page (vite.config.ts, in production your server) for a gateway and a token. */
export async function connect(): Promise<Gateway> {
  const response = await fetch('/connection.json');
  if (!response.ok) throw new Error('There is no gateway. Run `npm start` in the repository first.');
  const { url, token } = (await response.json()) as { url: string; token: string };
  return { url, headers: { authorization: `Bearer ${token}` } };
}

/** What is stored of a chat; nothing when nobody has written in it yet. */
export async function loadMessages({ url, headers }: Gateway, chatId: string): Promise<UIMessage[]> {
  const response = await fetch(`${url}/v1/threads/${chatId}/messages`, { headers });
  if (response.status === 404) return [];
  if (!response.ok) throw new Error(`The gateway answered ${response.status}.`);
  return ((await response.json()) as { messages: UIMessage[] }).messages;
}

/** Stops the agent. useChat's own stop() only closes the connection, and the agent works on. */
export async function stopAgent({ url, headers }: Gateway, chatId: string): Promise<void> {
  await fetch(`${url}/v1/chat/${chatId}/stop`, { method: 'POST', headers });
}
