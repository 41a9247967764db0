import { type Client, createClient } from '@switchyard/client';

/** The gateway, and who we are there. */
export interface Gateway {
  readonly url: string;
  readonly headers: { readonly authorization: string };
  readonly client: Client;
}

/** Asks who serves this page (vite.config.ts, in production your server) for a gateway and a token. */
export async function connect(): Promise<Gateway> {
  const response = await fetch('/connection.json');
  if (!response.ok) throw new Error('There is no gateway. Run `npm start` in the repository first.');
  const { url, token } = (await response.json()) as { url: string; token: string };
  return { url, headers: { authorization: `Bearer ${token}` }, client: createClient({ url, token }) };
}

/** Stops the agent. The runtime's own cancel only closes the connection, and the agent works on. */
export async function stopAgent({ url, headers }: Gateway, threadId: string): Promise<void> {
  await fetch(`${url}/v1/chat/${threadId}/stop`, { method: 'POST', headers });
}
