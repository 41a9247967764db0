import { describe, expect, it } from 'vitest';
import { formatEventId, parseEventId } from './event.ts';

describe('event ids', () => {
  it('come back from their text', () => {
    expect(parseEventId(formatEventId({ epoch: 3, ordinal: 59 }))).toEqual({ epoch: 3, ordinal: 59 });
  });

  it.each(['', '1', '1-', '-1', '0-1', '1-0', '01-1', '1-1 ', '1-1-1', '1-9999999999999999', 'a-b', '1.0-1'])(
    'are refused when malformed: %j',
    (text) => {
      expect(parseEventId(text)).toBeNull();
    },
  );
});
