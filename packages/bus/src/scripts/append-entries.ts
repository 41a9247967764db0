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
 * Must not be called before the epoch was checked.
 */
export const appendEntriesLua = `
local function appendEntries(epoch, first, top, kinds, argument, channel, ttl)
  local last = first + #kinds - 1
  if last > top then
    local meta = redis.call('HMGET', KEYS[2], 'closedSteps', 'inStep', 'bytes', 'starts')
    local closedSteps, inStep, bytes = tonumber(meta[1]), tonumber(meta[2]), tonumber(meta[3])
    local starts = meta[4]
    local skipped = math.max(0, top - first + 1)
    local lines = { epoch .. ' ' .. (first + skipped) }
    if not string.find(' ' .. starts, ' ' .. epoch .. ':', 1, true) then
      starts = starts .. epoch .. ':' .. (first + skipped) .. ' '
    end
    for index = skipped, #kinds - 1 do
      local chunk = ARGV[argument + index]
      redis.call('XADD', KEYS[1], epoch .. '-' .. (first + index), 'c', chunk)
      local kind = string.sub(kinds, index + 1, index + 1)
      if kind == 's' then
        inStep = 1
      elseif kind == 'f' then
        inStep = 0
        closedSteps = closedSteps + 1
      end
      bytes = bytes + #chunk
      lines[#lines + 1] = chunk
    end
    top = last
    redis.call('HSET', KEYS[2], 'top', top, 'closedSteps', closedSteps, 'inStep', inStep, 'bytes', bytes,
      'starts', starts)
    redis.call('PUBLISH', channel, table.concat(lines, '\\n'))
  end
  redis.call('PEXPIRE', KEYS[1], ttl)
  redis.call('PEXPIRE', KEYS[2], ttl)
  return top
end
`;
