import type { ModelMessage } from 'ai';
import { cutMarked } from './cut-text.ts';
import { entriesOf, type TranscriptEntry } from './transcript-entries.ts';

/** In this order they get room: what the user said is cut last of all, for nobody but the user can say it again. */
const kinds = ['request', 'answer', 'work'] as const;

/** Characters below which the rest of an entry says nothing: older ones are left out instead. A guess. */
const minBodyLength = 120;

const betweenEntries = '\n\n';
/** Characters of the note on entries that are left out, and what follows it. */
const noteLength = 50;

/**
 * A conversation as one text of at most so many characters. Headings and notes on what is left out are lines of ours;
 * every line of what people, models and tools said is marked, so that no content forges an entry. When it is too long,
 * first results and inputs are made shorter, the longest first, then answers, then what the user said. Pure, and linear
 * in the conversation's length.
 */
export function transcriptOf(messages: readonly ModelMessage[], maxCharacters: number): string {
  const entries = messages.flatMap(entriesOf);
  const whole = entries.reduce((sum, entry) => sum + lengthOf(entry, Infinity), 0);
  const caps = new Map<TranscriptEntry, number>();
  let room = whole <= maxCharacters ? maxCharacters : maxCharacters - noteLength;
  for (const kind of kinds) {
    const ofKind = entries.filter(({ of }) => of === kind);
    for (const [entry, cap] of shareOut(ofKind, room)) {
      caps.set(entry, cap);
      room -= lengthOf(entry, cap);
    }
  }
  const shown = entries.flatMap((entry) => {
    const cap = caps.get(entry);
    return cap === undefined
      ? []
      : [`${entry.heading}\n${cutMarked(entry.body, Math.min(cap, entry.maxLength))}`];
  });
  const leftOut = entries.length - shown.length;
  const note = leftOut === 0 ? [] : [`[… ${leftOut} entries left out …]`];
  return [...note, ...shown].join(betweenEntries).slice(0, Math.max(0, maxCharacters));
}

/** Entries of one kind with the characters that each body may have: the first and the newest, where not all have room. */
function shareOut(entries: readonly TranscriptEntry[], room: number): Map<TranscriptEntry, number> {
  const cap = Math.max(minBodyLength, largestCap(entries, room));
  const caps = new Map<TranscriptEntry, number>();
  let left = room;
  for (const entry of [...entries.slice(0, 1), ...entries.slice(1).toReversed()]) {
    left -= lengthOf(entry, cap);
    if (left < 0) break;
    caps.set(entry, cap);
  }
  return caps;
}

/** The most characters that each body may have so that all fit; 0 when they never do. */
function largestCap(entries: readonly TranscriptEntry[], room: number): number {
  const fits = (cap: number) => entries.reduce((sum, entry) => sum + lengthOf(entry, cap), 0) <= room;
  let high = entries.reduce((most, { body }) => Math.max(most, body.length), 0);
  if (fits(high)) return high;
  let low = 0;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function lengthOf({ heading, body, maxLength }: TranscriptEntry, cap: number): number {
  return heading.length + 1 + Math.min(body.length, maxLength, cap) + betweenEntries.length;
}
