-- Remove the due retries from the schedule of an OA and return their ids, oldest first.
--
-- KEYS[1]  due   sorted set: notice id by due time (seconds since 1970)
-- KEYS[2]  told  hash: notice id = its details for operators (JSON)
-- ARGV: most
-- → ids
--
-- A lost answer loses only a bell: the ledger itself knows which notices are due.

local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now), 'LIMIT', 0, ARGV[1])
if #ids > 0 then redis.call('ZREMRANGEBYRANK', KEYS[1], 0, #ids - 1) end
for _, id in ipairs(ids) do redis.call('HDEL', KEYS[2], id) end
return ids
