import { AppError } from '@switchyard/protocol';
import { resolveReadablePath } from './command-log.ts';
import { insideProgram } from './inside-program.ts';
import type { GlobAnswer, GlobRequest, SearchAnswer, SearchRequest } from './inside/search-files.ts';
import { pathError } from './path-errors.ts';
import type { RemoteSandbox } from './remote-sandbox.ts';
import type { Sandbox } from './sandbox.ts';
import { prologue, quote, say } from './shell-text.ts';
import { resolveWorkspacePath, workspaceRoot } from './workspace-path.ts';

/** The program ends by itself; this is what its start and its answer may take besides. */
const marginMs = 10_000;
const timeoutMs = 20_000;
/** Files and folders that one search looks at. */
const maxEntries = 200_000;

type ProgramAnswer =
  | { readonly outcome: 'done'; readonly value: unknown }
  | { readonly outcome: 'bad-pattern'; readonly message: string }
  | { readonly outcome: 'not-found' | 'denied' | 'outside' };

/** Answers `no-node`, or `program` and a line with what it printed. */
export function searchScript(request: SearchRequest | GlobRequest): string {
  return `${prologue}
node=$(command -v node) || node=/opt/node/bin/node
[ -x "$node" ] || ${say('no-node')}
echo 'SY1 program'
"$node" --max-old-space-size=256 --input-type=commonjs -e ${quote(insideProgram())} ${quote(JSON.stringify(request))} | base64 -w 0
echo`;
}

/** Searching as a program inside the sandbox: only what is found travels. */
export function createFileSearch(remote: RemoteSandbox): Pick<Sandbox, 'search' | 'glob'> {
  async function run(
    request: SearchRequest | GlobRequest,
    path: string,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { words, lines } = await remote.runScript(searchScript(request), {
      what: 'search files',
      signal,
      timeoutMs: timeoutMs + marginMs,
    });
    if (words[0] === 'no-node')
      throw new AppError(
        'sandbox_failed',
        'The sandbox has no Node.js, which searching needs. Use grep and find in shell.',
      );
    const text = lines[0]?.toString('utf8') ?? '';
    if (text === '') throw new AppError('sandbox_failed', 'The search ended without an answer.');
    const answer = JSON.parse(text) as ProgramAnswer;
    if (answer.outcome === 'bad-pattern') throw new AppError('invalid_request', answer.message);
    if (answer.outcome !== 'done') throw pathError(answer.outcome, path);
    return answer.value;
  }

  return {
    async search({ path, signal, ...options }) {
      const place = resolveReadablePath(path);
      const request = {
        ...options,
        kind: 'search',
        root: place.root,
        start: place.path,
        timeoutMs,
        maxEntries,
      } as const;
      return (await run(request, path, signal)) as SearchAnswer;
    },
    async glob({ path, signal, ...options }) {
      const request = {
        ...options,
        kind: 'glob',
        root: workspaceRoot,
        start: resolveWorkspacePath(path),
        timeoutMs,
        maxEntries,
      } as const;
      return (await run(request, path, signal)) as GlobAnswer;
    },
  };
}
