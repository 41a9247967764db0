import type { LoggedEvent } from '@switchyard/bus';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gathered } from './gather-events.ts';

function eventOf(epoch: number, ordinal: number): LoggedEvent {
  return { epoch, ordinal, chunk: { type: 'start-step' }, json: '{"type":"start-step"}' };
}

const message = fc.record({
  length: fc.integer({ min: 1, max: 3 }),
  /** What the message before was followed by: nothing, a lost message, or another worker. */
  before: fc.constantFrom('nothing', 'nothing', 'nothing', 'gap', 'takeover'),
  /** The next one comes in a later turn. */
  isLastOfTurn: fc.boolean(),
});

test('whatever comes in whatever turns is handed on in order, each piece one sequence, one a turn where it can be', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 20 }), async (messages) => {
      const pieces: (readonly LoggedEvent[])[] = [];
      const receive = gathered((events) => pieces.push(events));
      const sent: LoggedEvent[] = [];
      let expectedPieces = 0;
      let isNewTurn = true;
      let [epoch, ordinal] = [1, 0];
      for (const { length, before, isLastOfTurn } of messages) {
        if (before === 'gap') ordinal += 2;
        if (before === 'takeover') epoch += 1;
        if (isNewTurn || before !== 'nothing') expectedPieces += 1;
        const events = Array.from({ length }, (_, index) => eventOf(epoch, ordinal + 1 + index));
        ordinal += length;
        sent.push(...events);
        receive(events);
        isNewTurn = isLastOfTurn;
        if (isLastOfTurn) await new Promise(setImmediate);
      }
      await new Promise(setImmediate);
      expect(pieces.flat()).toEqual(sent);
      expect(pieces).toHaveLength(expectedPieces);
      for (const piece of pieces) {
        const [first] = piece;
        expect(piece.map((event) => [event.epoch, event.ordinal])).toEqual(
          piece.map((_, index) => [first!.epoch, first!.ordinal + index]),
        );
      }
    }),
  );
});
