import type { UIMessage } from 'ai';
import { createRoot } from 'react-dom/client';
import { Chat } from './chat.tsx';
import { connect, loadMessages } from './gateway.ts';
import './style.css';

const root = createRoot(document.querySelector('#root') ?? document.body);

/** The chat's id is the page's hash: a reload, or another device, shows the same chat. */
async function show(): Promise<void> {
  const chatId = location.hash.slice(1) || crypto.randomUUID();
  history.replaceState(null, '', `#${chatId}`);
  try {
    const gateway = await connect();
    const messages: UIMessage[] = await loadMessages(gateway, chatId);
    root.render(<Chat key={chatId} chatId={chatId} gateway={gateway} messages={messages} />);
  } catch (error) {
    root.render(<p role="alert">{String(error)}</p>);
  }
}

window.addEventListener('hashchange', () => void show());
void show();
