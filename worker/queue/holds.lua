-- Holds: a held key is granted nothing by limits.lua.
--
-- KEYS[1]  holds  hash: "name|reason" = "until:length", both in microseconds
-- ARGV: now (0 = the server's clock), then nothing to list, or name|reason and length to hold
-- → {name|reason, microseconds left, …}

local now = tonumber(ARGV[1])
if now == 0 then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end

-- What is over, or ends later than it can because the clock was set back, is forgotten.
local left, answer = {}, {}
local holds = redis.call('HGETALL', KEYS[1])
for i = 1, #holds, 2 do
    local till, length = string.match(holds[i + 1], '(%d+):(%d+)')
    local rest = till - now
    if rest <= 0 or rest > tonumber(length) then
        redis.call('HDEL', KEYS[1], holds[i])
    else
        left[holds[i]] = rest
        answer[#answer + 1] = holds[i]
        answer[#answer + 1] = string.format('%.0f', rest)
    end
end

-- Of two holds for the same reason the one that ends later stands.
local name, length = ARGV[2], tonumber(ARGV[3])
if name and length > (left[name] or 0) then
    redis.call('HSET', KEYS[1], name, string.format('%.0f:%.0f', now + length, length))
end
return answer
