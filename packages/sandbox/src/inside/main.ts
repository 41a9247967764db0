import { PatternError } from './pattern-syntax.ts';
import { globFiles, type GlobRequest, lookAtStart, searchFiles, type SearchRequest } from './search-files.ts';

/** What the program prints, as JSON. */
type ProgramAnswer =
  | { readonly outcome: 'done'; readonly value: unknown }
  | { readonly outcome: 'bad-pattern'; readonly message: string }
  | { readonly outcome: 'not-found' | 'denied' | 'outside' };

function answer(request: SearchRequest | GlobRequest): ProgramAnswer {
  const start = lookAtStart(request);
  if (start !== 'fine') return { outcome: start };
  try {
    return { outcome: 'done', value: request.kind === 'search' ? searchFiles(request) : globFiles(request) };
  } catch (error) {
    if (error instanceof PatternError) return { outcome: 'bad-pattern', message: error.message };
    throw error;
  }
}

// Started by `node -e`, with the request as its only argument.
process.stdout.write(
  JSON.stringify(answer(JSON.parse(process.argv[1] ?? '') as SearchRequest | GlobRequest)),
);
