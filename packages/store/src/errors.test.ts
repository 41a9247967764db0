import { AppError } from '@switchyard/protocol';
import { describe, expect, it } from 'vitest';
import { translateError } from './errors.ts';

describe('translateError', () => {
  it.each(['CONNECTION_CLOSED', 'CONNECT_TIMEOUT', 'ECONNREFUSED', '57P01', '53300', '08006', '40P01'])(
    'calls %s a service that is down, which another try may find up',
    (code) => {
      const cause = Object.assign(new Error('connect 10.0.0.5:5432'), { code });
      const error = translateError(cause);
      expect(error).toMatchObject({ code: 'unavailable', cause });
      // Where the database is, is nobody's business.
      expect((error as AppError).detail).not.toContain('10.0.0.5');
    },
  );

  it.each([new Error('a bug'), new AppError('not_found', 'gone'), 'text', null, undefined])(
    'leaves what it does not know as it is',
    (error) => {
      expect(translateError(error)).toBe(error);
    },
  );
});
