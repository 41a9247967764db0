import { appendEntriesLua } from './append-entries.ts';
import { defineScript } from './script.ts';

/**
 * Appends chunks under consecutive ordinals.
 *
 * KEYS[1] log, KEYS[2] meta
 * ARGV[1] epoch, ARGV[2] channel, ARGV[3] first ordinal, ARGV[4] kinds, ARGV[5…] the chunks' JSON
 *
 * Answers {'lost'} only when the log's epoch is higher; {'gone'} when a key is missing; {'hole', top} when the log ends
 * before the first ordinal - 1, or was never opened for this epoch: Redis came back with older data, and what it says
 * of the top cannot be trusted; else {'appended', ordinal of the last chunk}.
 */
export const appendRunLogScript = defineScript(`
${appendEntriesLua}
local epoch, first, kinds = tonumber(ARGV[1]), tonumber(ARGV[3]), ARGV[4]
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'top', 'base', 'ttl')
local knownEpoch = tonumber(meta[1])
if not knownEpoch then
  return { 'gone' }
end
if knownEpoch > epoch then
  return { 'lost' }
end
local top = tonumber(meta[2])
if meta[2] ~= meta[3] and redis.call('EXISTS', KEYS[1]) == 0 then
  return { 'gone' }
end
if knownEpoch < epoch or first > top + 1 then
  return { 'hole', meta[2] }
end
appendEntries(epoch, first, top, kinds, 5, ARGV[2], meta[4])
return { 'appended', tostring(first + #kinds - 1) }
`);
