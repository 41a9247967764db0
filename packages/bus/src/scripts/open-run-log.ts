import { appendEntriesLua } from './append-entries.ts';
import { defineScript } from './script.ts';

/**
 * Opens a log for an epoch and thereby fences every lower one.
 *
 * KEYS[1] log, KEYS[2] meta
 * ARGV[1] epoch, ARGV[2] channel, ARGV[3] ttl in ms, ARGV[4] how many bytes of entries the log may hold
 * ARGV[5] base: ordinal, or '' for none; ARGV[6] stored steps; ARGV[7] '1' in step, '0' not
 * ARGV[8] kinds of the opening's chunks, ARGV[9…] their JSON
 *
 * Answers {'lost'} when the log has a higher epoch; {'gone'} when there is no whole log, no base, and the epoch is not
 * the run's first; else {'opened', top, closed steps, in step, epoch that made the log, base ordinal, base steps, base in step}.
 * A base replaces whatever is there. The opening is appended only when a log is made whose base is 0.
 * `bornAt` in meta keeps the base with which a log was made, since trimming moves the base.
 * Running it twice with the same arguments changes nothing the second time.
 */
export const openRunLogScript = defineScript(`
${appendEntriesLua}
local epoch, channel, ttl, maxBytes = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local hasBase = ARGV[5] ~= ''
local function state()
  local meta = redis.call('HMGET', KEYS[2], 'top', 'closedSteps', 'inStep', 'born', 'base', 'baseSteps', 'baseInStep')
  return { 'opened', unpack(meta) }
end
local known = redis.call('HMGET', KEYS[2], 'epoch', 'top', 'base', 'born', 'bornAt')
local knownEpoch = tonumber(known[1])
if knownEpoch and knownEpoch > epoch then
  return { 'lost' }
end
local isWhole = knownEpoch and (known[2] == known[3] or redis.call('EXISTS', KEYS[1]) == 1)
if isWhole then
  if hasBase and tonumber(known[4]) == epoch and (known[5] or known[3]) == ARGV[5] then
    return state()
  end
  if not hasBase then
    redis.call('HSET', KEYS[2], 'epoch', epoch, 'ttl', ttl, 'maxBytes', maxBytes)
    redis.call('PEXPIRE', KEYS[1], ttl)
    redis.call('PEXPIRE', KEYS[2], ttl)
    return state()
  end
elseif not hasBase and (epoch > 1 or knownEpoch) then
  return { 'gone' }
end
local base, steps, inStep = 0, 0, 0
if hasBase then
  base, steps, inStep = tonumber(ARGV[5]), ARGV[6], ARGV[7]
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'epoch', epoch, 'top', base, 'base', base, 'baseSteps', steps, 'baseInStep', inStep,
  'closedSteps', steps, 'inStep', inStep, 'bytes', 0, 'born', epoch, 'bornAt', base, 'baseEpoch', epoch, 'starts', '',
  'ttl', ttl, 'maxBytes', maxBytes)
if base == 0 then
  appendEntries(epoch, 1, 0, ARGV[8], 9, channel, ttl)
else
  redis.call('PEXPIRE', KEYS[2], ttl)
end
return state()
`);
