import { AppError } from '@switchyard/protocol';

/** Nothing can be written before something is removed. */
export function noRoomError(cause?: unknown): AppError {
  const detail =
    'The sandbox has no room left for it, so nothing was written. Remove files that are not needed, in /workspace or in /tmp.';
  return new AppError('sandbox_full', detail, { cause });
}

/** The service allows no file of that length. */
export function tooLargeError(cause?: unknown): AppError {
  return new AppError('payload_too_large', 'It is larger than a file may be in this sandbox.', { cause });
}

/** What a script's answer says of a path, as an error for people and models. */
export function pathError(word: string, path: string): AppError {
  switch (word) {
    case 'not-found':
      return new AppError('not_found', `${path} does not exist.`);
    case 'is-folder':
      return new AppError('invalid_path', `${path} is a folder.`);
    case 'not-a-folder':
      return new AppError('invalid_path', `${path} is not a folder.`);
    case 'not-a-file':
      return new AppError('invalid_path', `${path} is not a regular file.`);
    case 'not-empty':
      return new AppError('invalid_path', `${path} is a folder and not empty.`);
    case 'no-folder':
      return new AppError('invalid_path', `The folder of ${path} cannot be made.`);
    case 'exists':
      return new AppError('invalid_path', `${path} exists already.`);
    case 'denied':
      return new AppError('invalid_path', `${path} may not be opened or changed: permission denied.`);
    case 'outside':
      return new AppError('invalid_path', `${path} leads out of the workspace by a link.`);
    case 'stale':
      return new AppError(
        'conflict',
        `${path} was changed by somebody else in this very moment; nothing was done. Read it again.`,
      );
    case 'full':
      return noRoomError();
    case 'too-large':
      return tooLargeError();
    case 'busy':
      return new AppError('sandbox_failed', 'Other changes of files are under way for too long.');
    default:
      return new AppError('sandbox_failed', `The sandbox could not work on ${path}.`, {
        cause: new Error(word),
      });
  }
}
