-- The marks of a batch, all batches of an epoch in one key, which is the epoch: it is there or it is not.
--
-- KEYS[1]  marks of the epoch  hash: lease = "id,id,…,", closed = "!id,id,…,"; and "since" from its making
-- ARGV: leave, lease, "id,id,…,"   → "marked", "closed" or "gone"; only after the first may they be sent
--       left, lease                → "id,id,…," or nil where the epoch is gone; closes the lease
--
-- Whoever asks what left will send the rest again. So from then on the lease is closed: a worker that was only
-- suspended, and wakes up in the belief that its lease still runs, is told so before it sends anything.
-- Run twice (a lost answer, a retry), each says the same twice.

local verb, lease, ids = ARGV[1], ARGV[2], ARGV[3]
local alive = redis.call('EXISTS', KEYS[1]) == 1
local marks = redis.call('HGET', KEYS[1], lease) or ''
local closed = string.sub(marks, 1, 1) == '!'

if verb == 'leave' then
    if not alive then return 'gone' end
    if closed then return 'closed' end
    redis.call('HSET', KEYS[1], lease, marks .. ids)
    return 'marked'
end

if not alive then return nil end
if closed then return string.sub(marks, 2) end
redis.call('HSET', KEYS[1], lease, '!' .. marks)
return marks
