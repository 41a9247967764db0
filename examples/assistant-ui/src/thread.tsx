import {
  ActionBarPrimitive,
  AuiIf,
  ComposerPrimitive,
  ErrorPrimitive,
  MessagePrimitive,
  ThreadPrimitive,
  type ToolCallMessagePartProps,
  useAuiState,
} from '@assistant-ui/react';
import { useAISDKChat } from '@assistant-ui/react-ai-sdk';
import { type Gateway, stopAgent } from './gateway.ts';
import { useResume } from './runtime.ts';

export function Thread({ gateway }: { readonly gateway: Gateway }) {
  const threadId = useAuiState((state) => state.threadListItem.remoteId);
  useResume();
  return (
    <ThreadPrimitive.Root className="chat">
      <ThreadPrimitive.Viewport className="messages">
        <ThreadPrimitive.Messages components={{ UserMessage, AssistantMessage, UserEditComposer }} />
      </ThreadPrimitive.Viewport>
      <ComposerPrimitive.Root className="composer">
        <ComposerPrimitive.Input aria-label="Message" placeholder="Ask the agent" rows={1} />
        <AuiIf condition={({ thread }) => !thread.isRunning}>
          <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
        </AuiIf>
        <AuiIf condition={({ thread }) => thread.isRunning}>
          <button type="button" onClick={() => threadId && void stopAgent(gateway, threadId)}>
            Stop
          </button>
        </AuiIf>
      </ComposerPrimitive.Root>
    </ThreadPrimitive.Root>
  );
}

function UserMessage() {
  return (
    <MessagePrimitive.Root className="message user">
      <MessagePrimitive.Parts components={{ Text }} />
      <ActionBarPrimitive.Root hideWhenRunning>
        <ActionBarPrimitive.Edit>Edit</ActionBarPrimitive.Edit>
      </ActionBarPrimitive.Root>
    </MessagePrimitive.Root>
  );
}

function UserEditComposer() {
  return (
    <ComposerPrimitive.Root className="composer">
      <ComposerPrimitive.Input aria-label="Edit" />
      <ComposerPrimitive.Send>Send</ComposerPrimitive.Send>
      <ComposerPrimitive.Cancel>Cancel</ComposerPrimitive.Cancel>
    </ComposerPrimitive.Root>
  );
}

function AssistantMessage() {
  const chat = useAISDKChat();
  return (
    <MessagePrimitive.Root className="message assistant">
      <MessagePrimitive.Parts components={{ Text, Reasoning, tools: { Fallback: ToolCall } }} />
      <MessagePrimitive.Error>
        <ErrorPrimitive.Root>
          <ErrorPrimitive.Message /> <button onClick={() => void chat?.resumeStream()}>Reconnect</button>
        </ErrorPrimitive.Root>
      </MessagePrimitive.Error>
      <ActionBarPrimitive.Root hideWhenRunning>
        <ActionBarPrimitive.Reload>Regenerate</ActionBarPrimitive.Reload>
      </ActionBarPrimitive.Root>
    </MessagePrimitive.Root>
  );
}

function Text({ text }: { readonly text: string }) {
  return <p>{text}</p>;
}

function Reasoning({ text }: { readonly text: string }) {
  return (
    <details>
      <summary>Thoughts</summary>
      <p>{text}</p>
    </details>
  );
}

function ToolCall({
  toolName,
  args,
  result,
  isError,
  approval,
  respondToApproval,
}: ToolCallMessagePartProps) {
  const isAsked = approval !== undefined && approval.approved === undefined;
  let state = result === undefined ? 'works …' : 'done';
  if (isError) state = 'failed';
  if (approval?.approved === false) state = 'was refused';
  if (isAsked) state = 'asks for your consent';
  return (
    <section className="tool">
      <details open={isAsked}>
        <summary>
          <code>{toolName}</code> {state}
        </summary>
        <pre>{JSON.stringify(args, null, 2)}</pre>
        {result !== undefined && <pre>{JSON.stringify(result, null, 2)}</pre>}
      </details>
      {isAsked && (
        <footer>
          <button onClick={() => void respondToApproval({ approved: true })}>Approve</button>
          <button onClick={() => void respondToApproval({ approved: false })}>Deny</button>
        </footer>
      )}
    </section>
  );
}
