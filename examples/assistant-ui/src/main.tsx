import { AssistantRuntimeProvider } from '@assistant-ui/react';
import { createRoot } from 'react-dom/client';
import { connect, type Gateway } from './gateway.ts';
import { useSwitchyardRuntime } from './runtime.ts';
import { Thread } from './thread.tsx';
import { ThreadList } from './thread-list.tsx';
import './style.css';

function App({ gateway }: { readonly gateway: Gateway }) {
  const runtime = useSwitchyardRuntime(gateway);
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <ThreadList />
      <Thread gateway={gateway} />
    </AssistantRuntimeProvider>
  );
}

const root = createRoot(document.querySelector('#root') ?? document.body);
try {
  root.render(<App gateway={await connect()} />);
} catch (error) {
  root.render(<p role="alert">{String(error)}</p>);
}
