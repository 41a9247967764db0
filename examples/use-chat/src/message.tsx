import { getToolName, isToolUIPart, type UIMessage } from 'ai';
import { useState } from 'react';

type Part = UIMessage['parts'][number];
type Answer = (approvalId: string, approved: boolean) => void;

interface MessageProps {
  readonly message: UIMessage;
  readonly isBusy: boolean;
  readonly onEdit: (text: string) => void;
  readonly onRegenerate: () => void;
  readonly onAnswer: Answer;
}

export function Message({ message, isBusy, onEdit, onRegenerate, onAnswer }: MessageProps) {
  const [draft, setDraft] = useState<string | null>(null);
  const isUser = message.role === 'user';
  if (draft !== null) {
    return (
      <form
        className="edit"
        onSubmit={(event) => {
          event.preventDefault();
          onEdit(draft);
          setDraft(null);
        }}
      >
        <textarea aria-label="Edit" value={draft} onChange={(event) => setDraft(event.target.value)} />
        <button type="submit">Send</button>
        <button type="button" onClick={() => setDraft(null)}>
          Cancel
        </button>
      </form>
    );
  }
  return (
    <article className={message.role}>
      {message.parts.map((part, index) => (
        <PartView key={index} part={part} onAnswer={onAnswer} />
      ))}
      {!isBusy && (
        <footer>
          {isUser ? (
            <button onClick={() => setDraft(textOf(message))}>Edit</button>
          ) : (
            <button onClick={onRegenerate}>Regenerate</button>
          )}
        </footer>
      )}
    </article>
  );
}

function PartView({ part, onAnswer }: { readonly part: Part; readonly onAnswer: Answer }) {
  if (part.type === 'text') return <p>{part.text}</p>;
  if (part.type === 'reasoning') {
    return (
      <details>
        <summary>Thoughts</summary>
        <p>{part.text}</p>
      </details>
    );
  }
  if (!isToolUIPart(part)) return null;
  const asked = part.state === 'approval-requested' ? part.approval : null;
  return (
    <section className="tool">
      <details open={asked !== null}>
        <summary>
          <code>{getToolName(part)}</code> {stateNames[part.state]}
        </summary>
        <pre>{JSON.stringify(part.input, null, 2)}</pre>
        {part.state === 'output-available' && <pre>{JSON.stringify(part.output, null, 2)}</pre>}
        {part.state === 'output-error' && <pre>{part.errorText}</pre>}
      </details>
      {asked !== null && (
        <footer>
          <span>{asked.requestReason}</span>
          <button onClick={() => onAnswer(asked.id, true)}>Approve</button>
          <button onClick={() => onAnswer(asked.id, false)}>Deny</button>
        </footer>
      )}
    </section>
  );
}

type ToolState = Extract<Part, { toolCallId: string }>['state'];

const stateNames: Readonly<Record<ToolState, string>> = {
  'input-streaming': 'is being written …',
  'input-available': 'works …',
  'approval-requested': 'asks for your consent',
  'approval-responded': 'was answered',
  'output-available': 'done',
  'output-error': 'failed',
  'output-denied': 'was refused',
};

function textOf({ parts }: UIMessage): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}
