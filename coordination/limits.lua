-- Permits for a batch of calls under several limits at once. pace.py explains the arithmetic and why it is correct.
--
-- KEYS[1]    life   hash: born, seen    since when this state is known, and when it was last used
--                   at:NAME             when each limit was last used
-- KEYS[2]    holds  hash: written by holds.lua; a held limit grants nothing
-- KEYS[3,4…] state, log   two per limit. state: hash {life, tat, used, late, late_until}; log: list of "time:count",
--                         oldest first
-- ARGV: verb, now (0 = the server's clock), fresh (1 = the server did not know this script), number, ignored,
--       window, burst, reserve, slice, then name and limit per minute for each limit. Times in microseconds.
-- Verbs: take | peek       → {granted, wait until more are worth requesting}     number = wanted calls
--        give_back         → number = calls that were permitted but not made
--        correct           → number = the remainder that the provider reports; ignored = a difference to ignore
--        late              → number = microseconds from a permit to its call

local verb, now, fresh = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local number, ignored = tonumber(ARGV[4]), tonumber(ARGV[5])
local window, burst, reserve, slice = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local LONGEST_HOLD = 32 * 86400 * 1000000 -- as in holds.lua
local MOST_USED = 1000000000
local LATEST = 20 * 1000000 -- as in pace.py
local WHOLE = 1e-6 -- a millionth of a permit: the tolerance for rounding

if now == 0 then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end

-- A number in its valid range; nil for anything else (also for "nan", for which every comparison is false).
local function number_in(text, low, high)
    local read = tonumber(text or nil)
    return read and read >= low and read <= high and read or nil
end

-- A new life begins with the first call after a flush (no `born`), after a restart of the server, and after its clock
-- was set back. After a restart the append-only file restores a state without the last second of grants. It never
-- restores the script cache, so the first caller gets NOSCRIPT and retries with fresh = 1.
local life = redis.call('HMGET', KEYS[1], 'born', 'seen')
local born, seen = number_in(life[1], 0, now + 1000000), number_in(life[2], 0, math.huge)
if seen and seen > now and seen - now < 1000000 then now = seen end
if fresh or not born or seen > now then
    born = now
    redis.call('HSET', KEYS[1], 'born', string.format('%.0f', born))
end
redis.call('HSET', KEYS[1], 'seen', string.format('%.0f', now))

local function entry(text)
    local time, count = string.match(text, '^(%d+):(%d+)$')
    return tonumber(time), tonumber(count)
end

-- Whether the permits in the log match the count; otherwise some would never leave the sum, or leave it twice.
local function agrees(log, used)
    local sum = 0
    for _, text in ipairs(redis.call('LRANGE', log, 0, -1)) do
        local time, count = entry(text)
        if not time or time > now + 1000000 then return false end
        sum = sum + count
    end
    return sum == used
end

local function save(it)
    redis.call('HSET', it.state, 'life', string.format('%.0f', born), 'tat', string.format('%.3f', it.tat), 'used', it.used)
    redis.call('HSET', KEYS[1], 'at:' .. it.name, string.format('%.0f', now))
    local idle = math.ceil((it.tat - now + 2 * (window + it.late)) / 1000) -- by then an expired state is equivalent
    redis.call('PEXPIRE', it.state, idle)
    redis.call('PEXPIRE', it.log, idle)
end

-- The start of a limit's new life; nil if it continues its old one. All limits begin a new life with `born`. One limit
-- begins it alone if its state is gone soon after its last use, or if its log is gone while its permits are still
-- counted: the key was evicted or deleted.
local function reborn(it, life, used)
    if life and tonumber(life) ~= born then return born end
    if life then return used > 0 and redis.call('LLEN', it.log) == 0 and now or nil end
    local at = number_in(redis.call('HGET', KEYS[1], 'at:' .. it.name), 0, now)
    return at and at > now - 2 * window and now or born
end

-- Begin a life in debt by one burst. Save it at once, even if nothing is granted: else each call would begin it again.
local function begin(it, began)
    redis.call('DEL', it.log)
    it.tat, it.used = math.max(now, began + 2 * burst + it.gap), 0
    save(it)
    return it
end

-- Read one limit, drop the entries that left its window, and refill its bucket up to now. `level` is the number of
-- permits that the pace has available, `room` the number that the window has.
-- The window is extended by the delay of late calls (pace.py), until none of their permits counts any more.
local function open(i)
    local it = {state = KEYS[1 + 2 * i], log = KEYS[2 + 2 * i], name = ARGV[8 + 2 * i], most = tonumber(ARGV[9 + 2 * i])}
    it.gap = window / it.most
    it.cap = 1 + (burst - reserve) / it.gap
    local was = redis.call('HMGET', it.state, 'life', 'tat', 'used', 'late', 'late_until')
    local till = number_in(was[5], 0, now + 2 * window + 3 * LATEST + 1000000)
    it.late = till and now < till and number_in(was[4], 0, LATEST) or 0
    it.window = window + it.late
    local tat, used = number_in(was[2], 0, now + 2 * window), number_in(was[3], 0, MOST_USED)
    if was[1] and not (tat and used) then return begin(it, now) end -- invalid: not written by us
    it.tat, it.used = math.max(tat or 0, now), used or 0
    local began = reborn(it, was[1], it.used)
    if began then return begin(it, began) end
    local oldest, before = redis.call('LINDEX', it.log, 0), it.used
    while oldest do
        local time, count = entry(oldest)
        if not time or time > now + 1000000 then return begin(it, now) end
        if time > now - it.window then break end
        redis.call('LPOP', it.log)
        it.used = it.used - count
        oldest = redis.call('LINDEX', it.log, 0)
    end
    -- Save at once, even if nothing is granted: permits that left the log but not the sum would never be free again.
    if it.used < 0 or it.most - it.used < 1 and not agrees(it.log, it.used) then return begin(it, now) end
    if it.used ~= before then redis.call('HSET', it.state, 'used', it.used) end
    return it
end

local function level(it) return (now + burst - reserve + it.gap - it.tat) / it.gap + WHOLE end

local function note(it, count)
    it.used = it.used + count
    redis.call('RPUSH', it.log, string.format('%.0f:%d', now, count))
end

-- How many calls this limit grants now. A bucket that holds less than one permit grants one when it is full: the window
-- still counts it in full.
local function calls(it)
    local room = it.most - it.used
    if room < 1 or level(it) < math.min(1, it.cap) then return 0 end
    return math.max(1, math.floor(math.min(level(it), room)))
end

-- How long until a request to this limit is worthwhile: `count` calls by its pace, and at least one by its window.
local function wait(it, count)
    local paced = (math.min(count, it.cap) - level(it)) * it.gap
    local short = 1 - (it.most - it.used)
    if short <= 0 then return paced end
    for _, text in ipairs(redis.call('LRANGE', it.log, 0, short - 1)) do
        local time, freed = entry(text)
        if not time then break end
        short = short - freed
        if short <= 0 then return math.max(paced, time + it.window - now) end
    end
    return math.max(paced, it.window)
end

-- The remaining time of a hold on this limit: "until:length:reason" under its name.
local function held(it)
    local hold = redis.call('HGET', KEYS[2], it.name)
    if not hold then return 0 end
    local till, length = string.match(hold, '^(%d+):(%d+):')
    till, length = tonumber(till), tonumber(length)
    if not till or length > LONGEST_HOLD then return 0 end
    return till - now <= length and till - now or 0 -- otherwise the clock was set back
end

local function take(limits, for_real)
    local granted, longest = number, 0
    for _, it in ipairs(limits) do
        longest = math.max(longest, held(it))
        granted = math.min(granted, calls(it))
    end
    if longest > 0 then granted = 0 end
    if granted > 0 then
        for _, it in ipairs(limits) do
            it.tat = it.tat + granted * it.gap
            if for_real then
                note(it, granted)
                save(it)
            else
                it.used = it.used + granted
            end
        end
    end
    local missing = number - granted
    if missing > 0 then -- wait for the permits of one slice, so that they are not fetched one by one
        for _, it in ipairs(limits) do
            missing = math.min(missing, math.max(1, math.floor(slice / it.gap)))
        end
        for _, it in ipairs(limits) do
            longest = math.max(longest, math.ceil(wait(it, missing)))
        end
    end
    return {granted, longest}
end

-- Return unused permits to the pace, and to the window at its oldest end: the newer entries stay, so that each call
-- really made is still covered by an entry that is not older than the call.
local function give_back(it)
    local rest = number
    it.tat = it.tat - rest * it.gap
    while rest > 0 do
        local oldest = redis.call('LPOP', it.log)
        if not oldest then break end
        local time, count = entry(oldest)
        local returned = math.min(count, rest)
        if count > returned then redis.call('LPUSH', it.log, string.format('%.0f:%d', time, count - returned)) end
        it.used = it.used - returned
        rest = rest - returned
    end
    save(it)
end

-- The provider counts calls unknown to us: others use the same limit, or its clock is ahead. Count them as made now.
local function correct(it)
    local unknown = it.most - it.used - number
    if unknown > ignored then note(it, unknown) end
    save(it)
end

-- A call left `number` microseconds after its permit: extend the window by that time from now on, for two windows.
local function late(it)
    if number < it.late then return end
    redis.call('HSET', it.state, 'late', number, 'late_until', string.format('%.0f', now + 2 * it.window + number))
    save(it)
end

local limits = {}
for i = 1, (#KEYS - 2) / 2 do limits[i] = open(i) end
if verb == 'take' then return take(limits, true) end
if verb == 'peek' then return take(limits, false) end
local deed = {give_back = give_back, correct = correct, late = late}
for _, it in ipairs(limits) do deed[verb](it) end
return {0, 0}
