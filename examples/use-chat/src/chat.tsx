import { useChat } from '@ai-sdk/react';
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  type UIMessage,
} from 'ai';
import { type SubmitEvent, useState } from 'react';
import { type Gateway, stopAgent } from './gateway.ts';
import { Message } from './message.tsx';

interface ChatProps {
  readonly chatId: string;
  readonly gateway: Gateway;
  readonly messages: UIMessage[];
}

export function Chat({ chatId, gateway, messages: stored }: ChatProps) {
  const chat = useChat({
    id: chatId,
    messages: stored,
    transport: new DefaultChatTransport({ api: `${gateway.url}/v1/chat`, headers: gateway.headers }),
    // Joins an answer that is still coming: after a reload, or from another window.
    resume: true,
    // Goes on as soon as every call that asked was allowed or refused.
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
  });
  const { messages, status, error } = chat;
  const isBusy = status === 'submitted' || status === 'streaming';

  return (
    <>
      <header>
        <h1>useChat on Switchyard</h1>
        <a href="#">New chat</a>
      </header>
      <main>
        {messages.map((message) => (
          <Message
            key={message.id}
            message={message}
            isBusy={isBusy}
            onEdit={(text) => void chat.sendMessage({ text, messageId: message.id })}
            onRegenerate={() => void chat.regenerate({ messageId: message.id })}
            onAnswer={(id, approved) => void chat.addToolApprovalResponse({ id, approved })}
          />
        ))}
        {status === 'submitted' && <p className="hint">Thinking …</p>}
        {error && (
          <p role="alert">
            {error.message} <button onClick={() => void chat.resumeStream()}>Reconnect</button>
          </p>
        )}
      </main>
      <Composer
        isBusy={isBusy}
        onSend={(text) => void chat.sendMessage({ text })}
        onStop={() => void stopAgent(gateway, chatId)}
      />
    </>
  );
}

interface ComposerProps {
  readonly isBusy: boolean;
  readonly onSend: (text: string) => void;
  readonly onStop: () => void;
}

function Composer({ isBusy, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState('');
  function submit(event: SubmitEvent) {
    event.preventDefault();
    if (text.trim() === '' || isBusy) return;
    onSend(text);
    setText('');
  }
  return (
    <form className="composer" onSubmit={submit}>
      <input
        aria-label="Message"
        placeholder="Ask the agent"
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      {isBusy ? (
        <button type="button" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button type="submit">Send</button>
      )}
    </form>
  );
}
