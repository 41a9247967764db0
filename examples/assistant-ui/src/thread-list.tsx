import { ThreadListItemPrimitive, ThreadListPrimitive, useAui, useAuiState } from '@assistant-ui/react';
import { useState } from 'react';

export function ThreadList() {
  return (
    <ThreadListPrimitive.Root className="threads">
      <h1>assistant-ui on Switchyard</h1>
      <ThreadListPrimitive.New>New thread</ThreadListPrimitive.New>
      <ThreadListPrimitive.Items components={{ ThreadListItem }} />
    </ThreadListPrimitive.Root>
  );
}

function ThreadListItem() {
  const aui = useAui();
  const title = useAuiState((state) => state.threadListItem.title ?? 'New thread');
  const [draft, setDraft] = useState<string | null>(null);
  if (draft !== null) {
    return (
      <form
        className="thread"
        onSubmit={(event) => {
          event.preventDefault();
          aui.threadListItem.rename(draft);
          setDraft(null);
        }}
      >
        <input
          aria-label="Title"
          value={draft}
          autoFocus
          onChange={(event) => setDraft(event.target.value)}
        />
        <button type="submit">Save</button>
      </form>
    );
  }
  return (
    <ThreadListItemPrimitive.Root className="thread">
      <ThreadListItemPrimitive.Trigger>{title}</ThreadListItemPrimitive.Trigger>
      <button title="Rename" onClick={() => setDraft(title)}>
        ✎
      </button>
      <ThreadListItemPrimitive.Archive title="Archive">⤓</ThreadListItemPrimitive.Archive>
      <ThreadListItemPrimitive.Delete title="Delete">✕</ThreadListItemPrimitive.Delete>
    </ThreadListItemPrimitive.Root>
  );
}
