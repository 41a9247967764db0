import type { MessagesResponse, Run, SwitchyardMessage, Thread } from '@switchyard/protocol';
import { announce } from './announce.ts';
import type { Client } from '@switchyard/client';
import { wordsOfError } from './api.ts';
import { createConversationView } from './conversation-view.ts';
import { element, fill, setText } from './element.ts';
import { icon } from './icon.ts';
import { type FollowedRun, followRun } from './live-run.ts';
import { createPlanView, planOf } from './plan-view.ts';
import { createRunStatusView } from './run-status-view.ts';
import { wordsOfReason } from './run-words.ts';
import { createScrollFollower } from './scroll-follower.ts';
import type { StartTask } from './start-task.ts';
import { createTaskBox, type Task, type TaskBox } from './task-box.ts';

export interface ThreadView {
  readonly element: HTMLElement;
  readonly taskBox: TaskBox;
  /** The newest word of the list: another tab or client may have begun a run. */
  onListed(thread: Thread): void;
  stopRun(): void;
  close(): void;
}

export interface ThreadSurroundings {
  readonly api: Client;
  readonly startTask: StartTask;
  readonly header: HTMLElement;
  readonly openFile: (path: string) => void;
  readonly onThread: (thread: Thread) => void;
  /** Files of the workspace may have changed. */
  readonly onFilesChanged: () => void;
  /** A run began or ended. */
  readonly onActivity: (isActive: boolean) => void;
}

/** Of the newest messages the failed ones are told in full; nobody wonders about older ones. */
const reasonsShown = 6;

/** One thread: what was said and done, what happens now, and the box for what comes next. */
export function createThreadView(threadId: string, surroundings: ThreadSurroundings): ThreadView {
  const { api } = surroundings;
  const closing = new AbortController();
  const seen = new Set<string>();
  let thread: Thread | null = null;
  let messages: readonly SwitchyardMessage[] = [];
  let live: FollowedRun | null = null;
  let nextBefore: string | null = null;

  const conversation = createConversationView({
    openFile: surroundings.openFile,
    async addressOfPort(port) {
      if (!thread) throw new Error('The task has not been loaded yet.');
      return (await api.files.port(thread.projectId, port)).url;
    },
    answer: (text) => void submit({ text, files: [], model: null }).catch(showProblem),
    async decide(approvalId, answer) {
      if (live) await api.approve(live.runId, approvalId, answer);
    },
    retry: (messageId) => void retry(messageId).catch(showProblem),
  });
  const older = element(
    'button',
    { type: 'button', class: 'plain older', hidden: true },
    'Show earlier messages',
  );
  const state = element('div', { class: 'thread-state-note', role: 'status' });
  const column = element('div', { class: 'column' }, older, conversation.element, state);
  const scroller = element(
    'div',
    { class: 'scroller', tabindex: 0, role: 'region', 'aria-label': 'Conversation' },
    column,
  );
  const scroll = createScrollFollower(scroller);
  const plan = createPlanView();
  const status = createRunStatusView(() => stopRun());
  const taskBox = createTaskBox({
    placeholder: 'What comes next?',
    onSubmit: submit,
  });
  const root = element('main', { class: 'thread', id: 'main', tabindex: -1 }, surroundings.header, scroller);
  // Inside what scrolls, so that both have one width; it stays at the bottom.
  scroller.append(
    element('div', { class: 'dock' }, scroll.button, status.element, plan.element, taskBox.element),
  );

  function showProblem(error: unknown): void {
    taskBox.showProblem(error instanceof Error && !('code' in error) ? error.message : wordsOfError(error));
  }

  function showState(...content: readonly (Node | string)[]): void {
    state.hidden = content.length === 0;
    fill(state, ...content);
  }

  async function load(): Promise<void> {
    showState(element('div', { class: 'skeleton', 'aria-label': 'Loading' }));
    try {
      const [{ thread: found }, page] = await Promise.all([
        api.threads.read(threadId),
        api.messages(threadId),
      ]);
      if (closing.signal.aborted) return;
      thread = found;
      surroundings.onThread(found);
      showPage(page);
    } catch (error) {
      if (closing.signal.aborted) return;
      const again = element('button', { type: 'button', class: 'plain' }, icon('refresh'), 'Try again');
      again.addEventListener('click', () => void load());
      const isGone = error instanceof Error && 'code' in error && error.code === 'not_found';
      showState(
        icon(isGone ? 'question' : 'alert'),
        element('p', {}, isGone ? 'There is no such task, or it is not yours.' : wordsOfError(error)),
        isGone ? element('a', { href: '#/', class: 'button plain' }, 'New task') : again,
      );
    }
  }

  function showPage(page: MessagesResponse): void {
    showState();
    messages = page.messages;
    ({ nextBefore } = page);
    older.hidden = nextBefore === null;
    conversation.show(messages);
    plan.update(planOf(messages));
    scroll.toEnd();
    for (const { id, metadata } of messages.slice(-reasonsShown)) {
      if (metadata?.status === 'failed') void tellReason(id, metadata.runId);
    }
    if (page.activeRun) follow(page.activeRun);
    if (messages.length === 0 && !page.activeRun) {
      showState(icon('spark'), element('p', {}, 'Nothing has been asked here yet.'));
    }
  }

  /** A stored message says that its run failed; the run knows why. */
  async function tellReason(messageId: string, runId: string): Promise<void> {
    try {
      const { run } = await api.getRun(runId);
      if (!closing.signal.aborted) scroll.keep(() => conversation.answer(messageId).end(run));
    } catch {
      // What the message itself says has to do.
    }
  }

  function follow(run: Run): void {
    if (live?.runId === run.id) return;
    live?.stop();
    let wasWaiting = run.status === 'awaiting-approval';
    seen.add(run.id);
    taskBox.setMode('correct');
    surroundings.onActivity(true);
    live = followRun({
      api,
      run,
      answer: conversation.answer(run.messageId),
      signal: closing.signal,
      onDraw: (change) => scroll.keep(change),
      onStatus(shown) {
        status.update(shown);
        // The list says so too when a person is waited for.
        const isWaiting = shown?.status === 'awaiting-approval';
        if (isWaiting !== wasWaiting) surroundings.onActivity(true);
        wasWaiting = isWaiting;
      },
      onMessage: (message) => {
        messages = [...messages.filter(({ id }) => id !== message.id), message];
        plan.update(planOf([message]).length > 0 ? planOf([message]) : planOf(messages));
      },
      onFilesChanged: surroundings.onFilesChanged,
      onEnd: (ended) => onEnd(run.id, ended),
      onLost: (error) => {
        live = null;
        status.update(null);
        taskBox.setMode('start');
        surroundings.onActivity(false);
        const again = element('button', { type: 'button', class: 'plain' }, icon('refresh'), 'Connect again');
        again.addEventListener('click', () => void load());
        showState(icon('offline'), element('p', {}, wordsOfError(error)), again);
      },
    });
  }

  function onEnd(runId: string, ended: Run | null): void {
    if (live?.runId !== runId) return;
    live = null;
    status.update(null);
    taskBox.setMode('start');
    surroundings.onActivity(false);
    surroundings.onFilesChanged();
    if (ended?.reason) announce(`${wordsOfReason(ended.reason).title}.`);
    // A run that waited for this one, or a late correction, may have begun.
    void sync();
  }

  /** Reads the thread anew and shows what another tab or client did in it. */
  async function sync(): Promise<void> {
    try {
      const page = await api.messages(threadId);
      if (closing.signal.aborted || live) return;
      const isBegun = page.activeRun !== null && !seen.has(page.activeRun.id);
      if (isBegun || lastAnswerOf(page.messages) !== lastAnswerOf(messages)) showPage(page);
    } catch {
      // The list comes round again in some seconds.
    }
  }

  async function submit(task: Task): Promise<void> {
    if (live) return await correct(live, task.text);
    const parts = [
      ...(task.text === '' ? [] : [{ type: 'text' as const, text: task.text }]),
      ...task.files.map(({ name, type }) => ({
        type: 'file' as const,
        url: '',
        filename: name,
        mediaType: type || 'application/octet-stream',
      })),
    ];
    showState();
    const withdraw = conversation.addSent({ parts });
    scroll.toEnd();
    try {
      const { run } = await surroundings.startTask(task, thread);
      follow(run);
      scroll.toEnd();
    } catch (error) {
      withdraw();
      if (error instanceof Error && 'code' in error && error.code === 'run_active') void sync();
      throw new Error(wordsOfError(error), { cause: error });
    }
  }

  async function correct({ runId }: FollowedRun, text: string): Promise<void> {
    try {
      await api.steer(runId, text);
      announce('Sent. It is read at the next step.');
    } catch (error) {
      throw new Error(wordsOfError(error), { cause: error });
    }
  }

  async function retry(messageId: string): Promise<void> {
    const at = messages.findIndex(({ id }) => id === messageId);
    const asked = messages.slice(0, at === -1 ? undefined : at).findLast(({ role }) => role === 'user');
    const text = (asked?.parts ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
    if (text.trim() === '' || live) {
      taskBox.focus();
      return;
    }
    await submit({ text, files: [], model: null });
  }

  function stopRun(): void {
    if (!live) return;
    status.setStopping(true);
    api.cancel(live.runId).catch((error: unknown) => {
      status.setStopping(false);
      showProblem(error);
    });
  }

  async function showOlder(): Promise<void> {
    if (nextBefore === null) return;
    older.disabled = true;
    setText(older, 'Loading');
    try {
      const page = await api.messages(threadId, { before: nextBefore });
      const before = scroller.scrollHeight - scroller.scrollTop;
      ({ nextBefore } = page);
      messages = [...page.messages, ...messages];
      conversation.prepend(page.messages);
      older.hidden = nextBefore === null;
      scroller.scrollTop = scroller.scrollHeight - before;
    } catch (error) {
      showProblem(error);
    } finally {
      older.disabled = false;
      setText(older, 'Show earlier messages');
    }
  }

  older.addEventListener('click', () => void showOlder());

  void load();
  return {
    element: root,
    taskBox,
    onListed(listed) {
      if (thread === null || listed.id !== thread.id) return;
      const isBegun = listed.activeRun !== null && !seen.has(listed.activeRun.id);
      const isNews = isBegun || listed.lastMessageAt !== thread.lastMessageAt;
      thread = listed;
      surroundings.onThread(listed);
      if (isNews && !live) void sync();
    },
    stopRun,
    close() {
      closing.abort();
      status.update(null);
    },
  };
}

function lastAnswerOf(messages: readonly SwitchyardMessage[]): string | undefined {
  return messages.findLast(({ role }) => role === 'assistant')?.id;
}
