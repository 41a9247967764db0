/**
 * The Lua function that both `open` and `append` use to put chunks into a log.
 *
 * KEYS[1] log (stream), KEYS[2] meta (hash), both in one slot by their hash tag.
 * appendEntries(epoch, first, top, kinds, argument, channel, ttl) → the new top
 *   first     ordinal of the first chunk
 *   top       last ordinal of the log; chunks up to it are there already and are skipped
 *   kinds     one character a chunk: 's' start-step, 'f' finish-step, '-' any other
 *   argument  index in ARGV of the first chunk's JSON
 *   ttl       ms after which both keys vanish if nothing is appended
 * One XADD for each new chunk, ONE PUBLISH with all of them, counters kept in meta. Message: `<epoch> <first ordinal>`,
 * then each chunk's JSON on a line of its own (JSON has no raw line breaks).
 * `starts` in meta lists the first ordinal of each epoch, `<epoch>:<ordinal> …`: an ordinal alone then finds its entry.
 * `ends` lists the `finish-step`s that are in the log, `<epoch>-<ordinal>:<closed steps>:<bytes ever written> …`.
 * A log whose entries hold more than `maxBytes` of meta loses its oldest closed steps: up to the first `finish-step`
 * behind which half of that is left, or else the last one. The base then stands at that event.
 * Fields that a release before this one did not write may be missing.
 * Must not be called before the epoch was checked.
 */
export const appendEntriesLua = `
local function trimEntries(maxBytes, ends, bytes, trimmed)
  local cutEpoch, cutOrdinal, cutSteps, cutBytes, rest
  for epoch, ordinal, steps, written, after in string.gmatch(ends, '(%d+)-(%d+):(%d+):(%d+) ()') do
    cutEpoch, cutOrdinal, cutSteps, cutBytes, rest = epoch, ordinal, steps, tonumber(written), after
    if trimmed + bytes - cutBytes <= maxBytes / 2 then
      break
    end
  end
  if not cutEpoch then
    return
  end
  redis.call('XTRIM', KEYS[1], 'MINID', '=', cutEpoch .. '-' .. (cutOrdinal + 1))
  redis.call('HSET', KEYS[2], 'base', cutOrdinal, 'baseEpoch', cutEpoch, 'baseSteps', cutSteps, 'baseInStep', 0,
    'bytes', trimmed + bytes - cutBytes, 'trimmed', cutBytes, 'ends', string.sub(ends, rest))
end
local function appendEntries(epoch, first, top, kinds, argument, channel, ttl)
  local last = first + #kinds - 1
  if last > top then
    local meta = redis.call('HMGET', KEYS[2], 'closedSteps', 'inStep', 'bytes', 'starts', 'trimmed', 'maxBytes')
    local closedSteps, inStep, bytes = tonumber(meta[1]), tonumber(meta[2]), tonumber(meta[3])
    local starts, trimmed, maxBytes = meta[4], tonumber(meta[5]) or 0, tonumber(meta[6])
    local newEnds = ''
    local skipped = math.max(0, top - first + 1)
    local lines = { epoch .. ' ' .. (first + skipped) }
    if not string.find(' ' .. starts, ' ' .. epoch .. ':', 1, true) then
      starts = starts .. epoch .. ':' .. (first + skipped) .. ' '
    end
    for index = skipped, #kinds - 1 do
      local chunk = ARGV[argument + index]
      redis.call('XADD', KEYS[1], epoch .. '-' .. (first + index), 'c', chunk)
      bytes = bytes + #chunk
      local kind = string.sub(kinds, index + 1, index + 1)
      if kind == 's' then
        inStep = 1
      elseif kind == 'f' then
        inStep = 0
        closedSteps = closedSteps + 1
        newEnds = newEnds .. epoch .. '-' .. (first + index) .. ':' .. closedSteps .. ':' .. (trimmed + bytes) .. ' '
      end
      lines[#lines + 1] = chunk
    end
    top = last
    redis.call('HSET', KEYS[2], 'top', top, 'closedSteps', closedSteps, 'inStep', inStep, 'bytes', bytes,
      'starts', starts)
    redis.call('PUBLISH', channel, table.concat(lines, '\\n'))
    local isAboveCap = maxBytes and bytes > maxBytes
    if newEnds ~= '' or isAboveCap then
      local ends = (redis.call('HGET', KEYS[2], 'ends') or '') .. newEnds
      redis.call('HSET', KEYS[2], 'ends', ends)
      if isAboveCap then
        trimEntries(maxBytes, ends, bytes, trimmed)
      end
    end
  end
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('PEXPIRE', KEYS[2], ttl)
  return top
end
`;
