-- A circuit breaker shared by all workers: they all stop using a failed channel at once.
--
--   closed ──N failures in a row──▶ open ──its time is over──▶ probing ──success──▶ opening ──its last step──▶ closed
--                                     ▲                           │ failure            │ failures only
--                                     └────────(twice as long)────┴────────────────────┘
--
-- KEYS[1]  hash: word, failures (in a row), times (opened in a row), since, until, spent (calls in this step of `opening`)
-- ARGV: verb, now (0 = the server's clock), then the parameters of breaker.py: trip, shortest, longest, probe, step,
--       first, steps; then the arguments of the verb. Times in microseconds.
-- Verbs: before wanted             → {granted, microseconds until more may be requested}
--        report successes failures → {word before, word after}
--        state                     → {word, since, failures, until}

local verb, now = ARGV[1], tonumber(ARGV[2])
local trip, shortest, longest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local probe, step, first, steps = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

if now == 0 then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end

local was = redis.call('HMGET', KEYS[1], 'word', 'failures', 'times', 'since', 'until', 'spent')

-- Invalid values (an unknown word, a count of billions, "nan") are treated as missing.
local WORDS = {closed = true, open = true, probing = true, opening = true}
local function whole_in(text, high)
    local read = tonumber(text or nil)
    return read and read >= 0 and read <= high and math.floor(read) or 0
end
local it = {
    word = WORDS[was[1]] and was[1] or 'closed',
    failures = whole_in(was[2], 1000000000), times = whole_in(was[3], 1000000000),
    since = whole_in(was[4], now + 1000000), till = whole_in(was[5], now * 2),
    spent = string.match(was[6] or '', '^%d+:%d+$') and was[6] or '0:0',
}

local function save()
    local function whole(number) return string.format('%.0f', number) end
    redis.call('HSET', KEYS[1], 'word', it.word, 'failures', whole(it.failures), 'times', whole(it.times),
        'since', whole(it.since), 'until', whole(it.till), 'spent', it.spent)
end

local function turn(word, length)
    it.word, it.since, it.till, it.spent = word, now, now + length, '0:0'
end

-- A state is also over if its end is further ahead than possible: the clock was set back.
local function over() return it.till <= now or it.till - now > math.max(longest, probe, step * steps) end

local function trip_open()
    local length = math.min(longest, shortest * 2 ^ math.min(it.times, 20))
    it.times = it.times + 1
    turn('open', length)
end

-- Let one call through. If its caller is lost, another one may try when `probe` has passed.
local function try_one()
    turn('probing', probe)
    return 1, 0
end

-- `first` calls in the first step, twice as many in each further step; after the last one the breaker is closed.
local function rising(wanted)
    local number = math.floor((now - it.since) / step)
    local at, spent = string.match(it.spent, '(%d+):(%d+)')
    if tonumber(at) ~= number then spent = 0 end
    local granted = math.min(wanted, math.max(0, first * 2 ^ number - spent))
    it.spent = string.format('%.0f:%.0f', number, spent + granted)
    return granted, it.since + (number + 1) * step - now
end

local function before(wanted)
    if it.word == 'closed' then return wanted, 0 end
    if it.word == 'opening' then
        if not over() then return rising(wanted) end
        it.failures, it.times = 0, 0
        turn('closed', 0)
        return wanted, 0
    end
    if over() then return try_one() end
    if it.word == 'probing' then return 0, step end -- its answer is on the way
    return 0, it.till - now
end

-- In a batch, one success proves that the channel works: failures count only if no call succeeded.
local function report(successes, failures)
    if successes > 0 then
        it.failures = 0
        if it.word == 'probing' then turn('opening', step * steps) end
    elseif failures > 0 and it.word ~= 'open' then -- results of calls in flight when it opened are ignored
        it.failures = it.failures + failures
        if it.word ~= 'closed' or it.failures >= trip then trip_open() end
    elseif failures == 0 and it.word == 'probing' then -- the probe was not made: another caller may try
        it.till = now
    end
end

if verb == 'state' then
    local word = it.word
    if over() and word == 'open' then word = 'probing' end
    if over() and word == 'opening' then word = 'closed' end
    return {word, string.format('%.0f', it.since), it.failures, string.format('%.0f', it.till)}
end
if verb == 'before' then
    local wanted = tonumber(ARGV[10])
    if wanted < 1 then return {0, 0} end
    local granted, wait = before(wanted)
    if it.word ~= 'closed' or was[1] and was[1] ~= 'closed' then save() end
    return {granted, granted < wanted and math.ceil(wait) or 0}
end
local word = it.word
report(tonumber(ARGV[10]), tonumber(ARGV[11]))
if it.word ~= 'closed' or it.failures > 0 or tonumber(was[2]) ~= it.failures then save() end
return {word, it.word}
