import { connectAs } from './api.ts';
import { createConnectionBar } from './connection-bar.ts';
import { showContent } from './dialog.ts';
import { createDropZone } from './drop-zone.ts';
import { element, fill } from './element.ts';
import { createFilesView } from './files/files-view.ts';
import { createHomeView } from './home-view.ts';
import { icon } from './icon.ts';
import { goTo, routeOf } from './route.ts';
import type { Sessions } from './session.ts';
import { listenForShortcuts, shortcutList } from './shortcuts.ts';
import { createSidebar } from './sidebar.ts';
import { createTaskStarter } from './start-task.ts';
import type { Models, TaskBox } from './task-box.ts';
import { createThreadHeader } from './thread-header.ts';
import { createThreadList } from './thread-list.ts';
import { titleOf } from './thread-list-view.ts';
import { createThreadView, type ThreadView } from './thread-view.ts';

/** The page of somebody who has signed in: his tasks, the one that is open, and its files. */
export function createWorkspacePage(sessions: Sessions): {
  readonly element: HTMLElement;
  /** Puts the cursor where one writes; only once the element is on the screen. */
  focus(): void;
  close(): void;
} {
  const closing = new AbortController();
  const api = connectAs(sessions);
  const list = createThreadList(api);
  const startTask = createTaskStarter(api);
  let models: Models = [];
  let thread: ThreadView | null = null;
  let taskBox: TaskBox | null = null;
  let setModels: (models: Models) => void = () => undefined;

  const sidebar = createSidebar({ list, sessions, onHelp: () => void showHelp() });
  const frame = element('div', { class: 'frame' });
  const place = element('div', { class: 'place' });
  const files = createFilesView(api, {
    onClose: () => showFiles(false),
    isShown: () => frame.classList.contains('has-files'),
  });
  const scrim = element('div', { class: 'scrim', on: { click: () => showSidebar(false) } });
  const drop = createDropZone((dropped) => taskBox?.addFiles(dropped), closing.signal);
  frame.append(
    element('a', { class: 'skip', href: '#main', on: { click: skip } }, 'Skip to the task'),
    sidebar.element,
    scrim,
    place,
    files.element,
    createConnectionBar(closing.signal),
    drop,
  );

  function skip(event: MouseEvent): void {
    // The fragment is the page's own address: only the focus moves.
    event.preventDefault();
    document.querySelector<HTMLElement>('#main')?.focus();
  }

  function toggleButton(name: 'menu' | 'panel', label: string, act: () => void): HTMLElement {
    return element(
      'button',
      {
        type: 'button',
        class: `quiet ${name}-button`,
        'aria-label': label,
        title: label,
        on: { click: act },
      },
      icon(name),
    );
  }

  function showSidebar(isShown: boolean): void {
    frame.classList.toggle('has-sidebar', isShown);
    if (isShown) sidebar.focus();
  }

  function showFiles(isShown: boolean): void {
    frame.classList.toggle('has-files', isShown);
    files.element.hidden = !isShown;
    if (isShown) files.refresh();
  }
  showFiles(false);

  async function showHelp(): Promise<void> {
    await showContent('Keys', shortcutList());
  }

  async function loadModels(): Promise<void> {
    try {
      ({ models } = await api.models());
      setModels(models);
    } catch {
      // Without a choice the default model takes the task.
    }
  }

  function open(): void {
    const route = routeOf(location.hash);
    thread?.close();
    thread = null;
    showSidebar(false);
    const menuButton = toggleButton('menu', 'Show tasks', () => showSidebar(true));
    switch (route.name) {
      case 'home': {
        const home = createHomeView({
          menuButton,
          async onSubmit(task) {
            const started = await startTask(task, null);
            goTo({ name: 'thread', threadId: started.thread.id });
            list.changed();
          },
        });
        ({ taskBox } = home);
        setModels = (found) => home.setModels(found);
        files.setProject(null);
        showFiles(false);
        sidebar.setCurrent(null);
        document.title = 'Switchyard';
        fill(place, home.element);
        break;
      }
      case 'thread': {
        const opened = openThread(route.threadId, menuButton);
        thread = opened;
        ({ taskBox } = opened);
        setModels = (found) => opened.taskBox.setModels(found);
        sidebar.setCurrent(route.threadId);
        fill(place, thread.element);
        break;
      }
    }
    setModels(models);
    focus();
  }

  function focus(): void {
    // On a touch screen a keyboard would cover the half of it.
    if (!matchMedia('(pointer: coarse)').matches) taskBox?.focus();
  }

  function openThread(threadId: string, menuButton: HTMLElement): ThreadView {
    let title = 'Switchyard';
    const name = (isActive: boolean) => (document.title = `${isActive ? '● ' : ''}${title}`);
    const header = createThreadHeader(api, {
      menuButton,
      filesButton: toggleButton('panel', 'Files', () => showFiles(!frame.classList.contains('has-files'))),
      onChange(changed) {
        header.update(changed);
        list.changed();
      },
      onGone() {
        goTo({ name: 'home' });
        list.changed();
      },
      onProblem: (text) => taskBox?.showProblem(text),
    });
    header.update(null);
    name(false);
    return createThreadView(threadId, {
      api,
      startTask,
      header: header.element,
      openFile(path) {
        showFiles(true);
        files.open(path);
      },
      onThread(found) {
        title = `${titleOf(found)} · Switchyard`;
        name(document.title.startsWith('●'));
        header.update(found);
        files.setProject(found.projectId);
      },
      onFilesChanged: () => files.refresh(),
      onActivity(isActive) {
        name(isActive);
        list.changed();
      },
    });
  }

  list.onChange(() => {
    for (const listed of list.threads()) thread?.onListed(listed);
  });
  addEventListener('hashchange', open, { signal: closing.signal });
  listenForShortcuts(
    {
      newTask: () => goTo({ name: 'home' }),
      toBox: () => taskBox?.focus(),
      toSearch() {
        showSidebar(true);
        sidebar.focusSearch();
      },
      files: () => thread && showFiles(!frame.classList.contains('has-files')),
      stop: () => thread?.stopRun(),
      help: () => void showHelp(),
      escape() {
        const isOver = frame.classList.contains('has-sidebar') || frame.classList.contains('has-files');
        showSidebar(false);
        showFiles(false);
        return isOver;
      },
    },
    closing.signal,
  );

  void list.refresh();
  open();
  void loadModels();
  return {
    element: frame,
    focus,
    close() {
      closing.abort();
      thread?.close();
      list.stop();
    },
  };
}
