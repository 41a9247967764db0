import { defineScript } from './script.ts';

/**
 * Reads entries after an ordinal together with the meta of the same instant.
 *
 * KEYS[1] log, KEYS[2] meta
 * ARGV[1] ordinal, ARGV[2] how many entries at most, '-1' for all
 *
 * Answers {} when there is no log, else {entries as XRANGE gives them, epoch, top, base, base steps, base in step,
 * closed steps, in step, bytes, epoch that made the log, the base's epoch, '1' when the log was trimmed}. An entry's id
 * needs its epoch: the last one in 'starts' that begins at or before the ordinal wanted. What was trimmed is not there:
 * the entries then begin after the base. Reads only.
 */
export const readRunLogScript = defineScript(`
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'top', 'base', 'baseSteps', 'baseInStep', 'closedSteps', 'inStep',
  'bytes', 'starts', 'born', 'baseEpoch', 'bornAt')
if not meta[1] or (meta[2] ~= meta[3] and redis.call('EXISTS', KEYS[1]) == 0) then
  return {}
end
local wanted = tonumber(ARGV[1]) + 1
local from = '-'
for epoch, ordinal in string.gmatch(meta[9], '(%d+):(%d+)') do
  if tonumber(ordinal) <= wanted then
    from = epoch .. '-' .. wanted
  end
end
-- A log that a release before this one made has neither of the last two.
local baseEpoch = meta[11] or meta[10]
local isTrimmed = meta[12] and meta[12] ~= meta[3] and '1' or '0'
local entries = {}
if ARGV[2] == '-1' then
  entries = redis.call('XRANGE', KEYS[1], from, '+')
else
  entries = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[2])
end
return { entries, meta[1], meta[2], meta[3], meta[4], meta[5], meta[6], meta[7], meta[8], meta[10],
  baseEpoch, isTrimmed }
`);
