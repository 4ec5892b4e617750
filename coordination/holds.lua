-- Holds, each with its end and reason; limits.lua grants nothing under a held limit.
--
-- KEYS[1]  holds  hash: name = "until:length:reason", times in microseconds
-- ARGV: verb, now (0 = the server's clock), then
--       hold name length reason  of two holds of one name the one that ends later remains
--       of name…                 → {name, microseconds left, reason, …} of the names under a hold
--       all                      → the same for all names; deletes expired and invalid holds, and returns each invalid
--                                  one as {'', -1, ''}

local verb, now = ARGV[1], tonumber(ARGV[2])
if now == 0 then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end

-- A hold that ends later than possible, because the clock was set back, is also over; so is an invalid one.
local LONGEST = 32 * 86400 * 1000000
local function left(hold)
    if not hold then return 0, '' end
    local till, length, reason = string.match(hold, '^(%d+):(%d+):(.*)$')
    till, length = tonumber(till), tonumber(length)
    if not till or not length or length > LONGEST then return -1, '?' end
    local rest = till - now
    if rest > length then rest = 0 end
    return math.max(rest, 0), reason
end

if verb == 'hold' then
    local name, length, reason = ARGV[3], tonumber(ARGV[4]), ARGV[5]
    if length > left(redis.call('HGET', KEYS[1], name)) then -- also if there is no valid hold
        redis.call('HSET', KEYS[1], name, string.format('%.0f:%.0f:%s', now + length, length, reason))
    end
    return {}
end

local names = {}
for i = 3, #ARGV do names[#names + 1] = ARGV[i] end
if verb == 'all' then names = redis.call('HKEYS', KEYS[1]) end

local answer = {}
for _, name in ipairs(names) do
    local rest, reason = left(redis.call('HGET', KEYS[1], name))
    if rest > 0 then
        for _, part in ipairs({name, string.format('%.0f', rest), reason}) do answer[#answer + 1] = part end
    elseif verb == 'all' then
        redis.call('HDEL', KEYS[1], name)
        if rest < 0 then for _, part in ipairs({'', '-1', ''}) do answer[#answer + 1] = part end end
    end
end
return answer
