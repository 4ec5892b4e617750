-- The marks of a batch, all batches of an epoch in one key, which is the epoch: it is there or it is not. Beside them
-- the witness of each notice, which outlives its batch.
--
-- KEYS[1]  marks of the epoch  hash: lease = "id,id,…,", empty at first, closed = "!id,id,…,"; "since", "life" from its
--                              making
-- KEYS[2]  witnesses of now    hash: a notice's hash = "tag:seconds since 1970"; "since" from its making
-- KEYS[3]  witnesses of before hash: as above
-- KEYS[4]  the current epoch   string
-- ARGV: begin, lease, the epoch, seconds that it is current, seconds that it lasts
--                                  → "begun", "gone" or "elsewhere"; an epoch that is over is no longer current
--       leave, lease, tag, seconds that witnesses are kept at least, their number at most,
--       then the notices, as "id hash tags;id hash tags;…": the tags that the ledger knows of it (empty: none)
--                                  → "marked", then id, tag, seconds ago of those that another tag has marked before;
--                                    or "closed", "gone", "elsewhere": none may be sent
--       left, lease                → "id,id,…," or nil where the epoch or the lease is gone; closes the lease.
--                                    A field that holds what no mark is counts as gone
--       seen, hash…                → for each: "tag:seconds ago", empty where there is no witness
--
-- Whoever asks what left will send the rest again. So from then on the lease is closed: a worker that was only
-- suspended, and wakes up in the belief that its lease still runs, is told so before it sends anything.
-- Run twice (a lost answer, a retry), each says the same twice.

local AT_ONCE = 1000 -- as many words as Lua puts on its stack without danger

local verb, lease = ARGV[1], ARGV[2]
local now = tonumber(redis.call('TIME')[1])

-- A witness as it is kept: the tag, and how many seconds ago it was.
local function read(entry)
    local tag, at = string.match(entry, '^([^:]+):(%d+)$')
    return tag, math.max(0, now - (tonumber(at) or now))
end

if verb == 'seen' then
    local answer = {}
    for i = 2, #ARGV do
        local tag, ago = read(redis.call('HGET', KEYS[2], ARGV[i]) or redis.call('HGET', KEYS[3], ARGV[i]) or '')
        answer[i - 1] = tag and tag .. ':' .. ago or ''
    end
    return answer
end

local alive = redis.call('EXISTS', KEYS[1]) == 1

-- Whether this server, as a master, is another one than that on which the epoch began (marks.py: split brain).
local function is_elsewhere()
    local life = redis.call('HGET', KEYS[1], 'life')
    return life and life ~= string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
end

-- An epoch ends with its day, whatever became of the expiry of its key; one that a poisoned hash makes useless ends now.
local function what_ends_it(seconds)
    local since = tonumber(redis.call('HGET', KEYS[1], 'since') or nil)
    if not since or since > now + 60 or since <= now - seconds then return 'gone' end
    return is_elsewhere() and 'elsewhere' or nil
end

if verb == 'begin' then
    local over = what_ends_it(tonumber(ARGV[4]))
    if over then
        if redis.call('GET', KEYS[4]) == ARGV[3] then redis.call('DEL', KEYS[4]) end
        return over
    end
    if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
    redis.call('HSETNX', KEYS[1], lease, '')
    return 'begun'
end

local known = redis.call('HGET', KEYS[1], lease)
if known and not string.find(known, '^!?[%d,]*$') then known = false end
local marks = known or ''
local closed = string.sub(marks, 1, 1) == '!'

if verb == 'left' then
    if not alive or not known then return nil end
    if closed then return string.sub(marks, 2) end
    redis.call('HSET', KEYS[1], lease, '!' .. marks)
    return marks
end

local function make_room(keep, most)
    local since = tonumber(redis.call('HGET', KEYS[2], 'since') or now) or 0
    if not (now - since < keep and since <= now + 60) or redis.call('HLEN', KEYS[2]) > most then
        redis.call('UNLINK', KEYS[3]) -- RENAME alone would free a million entries while everybody waits
        redis.call('RENAME', KEYS[2], KEYS[3])
    end
    if redis.call('HSETNX', KEYS[2], 'since', now) == 1 then redis.call('EXPIRE', KEYS[2], 2 * keep) end
end

if not alive or not known then return {'gone'} end -- what was marked before may be lost with the field
if closed then return {'closed'} end
if is_elsewhere() then return {'elsewhere'} end

local tag, keep, most = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
make_room(keep, most)
local ids, hashes, known_tags = {}, {}, {}
for id, hash, tags in string.gmatch(ARGV[6], '(%d+) (%S+) ([^;]*);') do
    local i = #ids + 1
    ids[i], hashes[i], known_tags[i] = id, hash, tags
end

-- In few commands, since each costs more than the work it does: hundreds of notices are marked at once.
local has_before = redis.call('EXISTS', KEYS[3]) == 1
local answer, left, entry = {'marked'}, {}, tag .. ':' .. now
for first = 1, #ids, AT_ONCE do
    local last = math.min(first + AT_ONCE - 1, #ids)
    local of_now = redis.call('HMGET', KEYS[2], unpack(hashes, first, last))
    local of_before = has_before and redis.call('HMGET', KEYS[3], unpack(hashes, first, last)) or {}
    local fresh = {}
    for i = first, last do
        local at = i - first + 1
        local witness = of_now[at] or of_before[at]
        local before, ago
        if witness then before, ago = read(witness) end
        if before and before ~= tag and not string.find(known_tags[i], before, 1, true) then
            for _, part in ipairs({ids[i], before, tostring(ago)}) do answer[#answer + 1] = part end
        else
            left[#left + 1] = ids[i]
            fresh[#fresh + 1], fresh[#fresh + 2] = hashes[i], entry
        end
    end
    if #fresh > 0 then redis.call('HSET', KEYS[2], unpack(fresh)) end
end
if #left > 0 then redis.call('HSET', KEYS[1], lease, marks .. table.concat(left, ',') .. ',') end
return answer
