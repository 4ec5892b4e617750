-- Replace an epoch that is over by a new one; if two workers try at once, the second gets the first one's epoch.
--
-- KEYS[1]  the current epoch  string       KEYS[2]  marks of the new epoch  hash
-- ARGV: the current epoch as the caller read it (empty: none), the new epoch, seconds that it is current, seconds that
--       it lasts
-- → the current epoch

local current = redis.call('GET', KEYS[1]) or ''
if current ~= ARGV[1] then return current end
local life = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
redis.call('HSET', KEYS[2], 'since', redis.call('TIME')[1], 'life', life)
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return ARGV[2]
