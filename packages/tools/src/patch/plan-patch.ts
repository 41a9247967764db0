import { AppError } from '@switchyard/protocol';
import { type FileChange, relativeToWorkspace, resolveWorkspacePath } from '@switchyard/sandbox';
import type { OpenedFile } from '../edit-file.ts';
import { applyHunks } from './apply-hunks.ts';
import type { FilePatch } from './file-patch.ts';

/** What becomes of one file, as the model reads it. */
export type PatchedFile = {
  readonly path: string;
  readonly outcome: 'created' | 'updated' | 'deleted' | 'moved';
  readonly from?: string;
  readonly added?: number;
  readonly removed?: number;
  readonly atLines?: readonly number[];
  readonly note?: string;
};

export type PatchPlan =
  | {
      readonly outcome: 'planned';
      readonly files: readonly PatchedFile[];
      readonly changes: readonly FileChange[];
    }
  /** Everything that stands in the way, in words. */
  | { readonly outcome: 'refused'; readonly faults: readonly string[] };

/** How files are looked at; `open` throws an `AppError` for what is not there. */
export interface PatchSources {
  readonly open: (path: string, options: { readonly isForRemoval: boolean }) => Promise<OpenedFile>;
  /** Permission bits. */
  readonly modeOf: (path: string) => Promise<number>;
}

const maxNamedLines = 20;
const looseNote = 'Some hunks fitted only when blanks at line ends were left out of account.';

/** One file on its way through the patch; null where there is none. */
interface FileState {
  readonly version: string | null;
  readonly stamp: string | null;
  readonly before: Uint8Array | null;
  now: Uint8Array | null;
  mode: number | null;
}

/** Works out what a patch makes of the files, and changes nothing. A file may be named several times. */
export async function planPatch(patches: readonly FilePatch[], sources: PatchSources): Promise<PatchPlan> {
  const states = new Map<string, FileState>();
  const faults: string[] = [];
  const files: PatchedFile[] = [];

  /** Null when a fault was noted. */
  async function stateOf(path: string, kind: FilePatch['kind']): Promise<FileState | null> {
    const isThere = kind !== 'add';
    const known = states.get(path);
    if (known) return known;
    try {
      const opened = await sources.open(path, { isForRemoval: kind === 'delete' });
      if (opened.outcome === 'refused') {
        // What is there and cannot be edited is in the way all the same.
        faults.push(isThere ? opened.message : existsText(path));
        return null;
      }
      const { version, stamp, bytes } = opened.file;
      const state = { version, stamp, before: bytes, now: bytes, mode: null };
      states.set(path, state);
      return state;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      if (error.code === 'not_found' && !isThere) {
        const state = { version: null, stamp: null, before: null, now: null, mode: null };
        states.set(path, state);
        return state;
      }
      if (error.code === 'not_found' || error.code === 'invalid_path') {
        faults.push(error.detail);
        return null;
      }
      throw error;
    }
  }

  async function plan(patch: FilePatch): Promise<void> {
    const path = relativeToWorkspace(resolveWorkspacePath(patch.path));
    const state = await stateOf(path, patch.kind);
    if (!state) return;
    if (patch.kind === 'add') {
      if (state.now !== null) return void faults.push(existsText(path));
      state.now = Buffer.from(patch.content, 'utf8');
      state.mode = patch.mode;
      files.push({ path, outcome: 'created', added: countLines(patch.content) });
      return;
    }
    if (state.now === null)
      return void faults.push(`${path} does not exist any more at this point of the patch.`);
    if (patch.kind === 'delete') {
      state.now = null;
      files.push({ path, outcome: 'deleted' });
      return;
    }
    const applied = applyHunks(state.now, patch.hunks);
    if (applied.outcome === 'refused') return void faults.push(...applied.faults);
    state.now = applied.bytes;
    if (patch.mode !== null) state.mode = patch.mode;
    const { added, removed, lines, isLoose } = applied;
    const figures = {
      added,
      removed,
      atLines: lines.slice(0, maxNamedLines),
      ...(isLoose ? { note: looseNote } : {}),
    };
    const to = patch.moveTo === null ? path : relativeToWorkspace(resolveWorkspacePath(patch.moveTo));
    if (to === path) return void files.push({ path, outcome: 'updated', ...figures });
    const target = await stateOf(to, 'add');
    if (!target) return;
    if (target.now !== null) return void faults.push(existsText(to));
    target.now = state.now;
    target.mode = state.mode ?? (await sources.modeOf(path));
    state.now = null;
    files.push({ path: to, outcome: 'moved', from: path, ...figures });
  }

  for (const patch of patches) await plan(patch);
  faults.push(...aliasFaults(states));
  if (faults.length > 0) return { outcome: 'refused', faults };
  const isIdle = [...states.values()].every(({ before, now, mode }) =>
    before === null || now === null ? before === now : mode === null && Buffer.compare(before, now) === 0,
  );
  if (isIdle)
    return { outcome: 'refused', faults: ['It changes nothing: the files are as it would make them.'] };
  return {
    outcome: 'planned',
    files,
    changes: [...states].flatMap(([path, state]) => changeOf(path, state)),
  };
}

/** Two names of one file, by a link, were planned from the same content: the second would undo the first. */
function aliasFaults(states: ReadonlyMap<string, FileState>): string[] {
  const written = [...states].filter(([, { stamp, now }]) => stamp !== null && now !== null);
  return written.flatMap(([path, { stamp }], index) => {
    const [other] = written.slice(0, index).find(([, state]) => state.stamp === stamp) ?? [];
    if (other === undefined) return [];
    return [`${other} and ${path} are two names of one file: give all its hunks under one of them.`];
  });
}

function changeOf(path: string, { version, before, now, mode }: FileState): FileChange[] {
  const expected = version === null ? 'absent' : { version };
  if (now === null) return before === null ? [] : [{ kind: 'remove', path, expected }];
  return [
    { kind: 'write', path, bytes: now, expected, ...(mode === null ? {} : { mode, isModeForced: true }) },
  ];
}

function existsText(path: string): string {
  return `${path} exists already; it is updated with "*** Update File: ${path}", or deleted first.`;
}

function countLines(content: string): number {
  return content === '' ? 0 : content.replace(/\n$/, '').split('\n').length;
}
