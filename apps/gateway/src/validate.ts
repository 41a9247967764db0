import { AppError } from '@switchyard/protocol';
import type { z } from 'zod';
import { limits } from './limits.ts';

/** One fault of a request; the pointer is empty for the body as a whole. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/**
 * Checks what a client sent. Throws AppError `invalid_request` whose `errors` point at each fault (RFC 6901, at most
 * `limits.reportedFaults`), below `pointer` when the value is a part of the body. Values are never repeated in it.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  pointer = '',
): z.output<Schema> {
  let parsed: z.ZodSafeParseResult<z.output<Schema>>;
  try {
    parsed = schema.safeParse(value);
  } catch (cause) {
    // A schema that calls itself runs out of stack on a body of nothing but brackets.
    if (cause instanceof RangeError) throw invalid([{ pointer, detail: 'Nested too deeply.' }]);
    throw cause;
  }
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap((issue) => faultsOf(issue, []));
  throw invalid(faults.map((fault) => ({ ...fault, pointer: `${pointer}${fault.pointer}` })));
}

/** AppError `invalid_request` for these faults, one for each place; its detail is the first of them. */
export function invalid(all: readonly Fault[]): AppError {
  const faults = [...new Map(all.toReversed().map((fault) => [fault.pointer, fault])).values()].toReversed();
  const [first] = faults;
  const where = first && first.pointer !== '' ? `${first.pointer}: ` : '';
  return new AppError('invalid_request', first ? `${where}${first.detail}` : 'The request is not valid.', {
    details: { errors: faults.slice(0, limits.reportedFaults) },
  });
}

type Path = readonly PropertyKey[];

function faultsOf(issue: z.core.$ZodIssue, parent: Path): Fault[] {
  const path = [...parent, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ pointer: pointerOf([...path, key]), detail: 'Unknown field.' }));
    case 'invalid_union':
      return faultsOfUnion(issue.errors, path, issue.message);
    default:
      return [{ pointer: pointerOf(path), detail: sentence(issue.message) }];
  }
}

/** Of the alternatives of a union, the faults of the one that fits best: whose own type is right. */
function faultsOfUnion(
  alternatives: readonly (readonly z.core.$ZodIssue[])[],
  path: Path,
  message: string,
): Fault[] {
  const fitting = alternatives.find(
    (issues) =>
      issues.length > 0 && !issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type'),
  );
  if (fitting) return fitting.flatMap((issue) => faultsOf(issue, path));
  return [{ pointer: pointerOf(path), detail: sentence(message) }];
}

function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}

/** The pointer of a place in a body (RFC 6901); long keys are cut, since a pointer is there to be read. */
export function pointerOf(path: Path): string {
  return path
    .map((key) => `/${String(key).slice(0, 100).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
