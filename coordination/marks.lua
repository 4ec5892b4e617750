-- The marks of batches. All batches of an epoch are in one key, which is the epoch: it exists or it does not. Also the
-- witness of each notice, which outlives its batch.
--
-- KEYS[1]  marks of the epoch  hash: lease = "id,id,…,", empty at first, closed = "!id,id,…,"; "since" and "life" from
--                              its creation
-- KEYS[2]  current witnesses   hash: a notice's hash = "tag:seconds since 1970"; "since" from its creation
-- KEYS[3]  previous witnesses  hash: as above
-- KEYS[4]  the current epoch   string
-- ARGV: begin, lease, the epoch, seconds that it is current, seconds that it lasts
--                                  → "begun", "gone" or "elsewhere"; an epoch that is over is no longer current
--       leave, lease, tag, minimum life of witnesses in seconds, their maximum number,
--       then the notices, as "id hash tags;id hash tags;…", with the tags that the ledger knows for each (empty: none)
--                                  → "marked", then id, tag, seconds ago of notices marked earlier under another tag;
--                                    or "closed", "gone", "elsewhere": none may be sent
--       left, lease                → "id,id,…," or nil if the epoch or the lease is gone; closes the lease.
--                                    A field with invalid content counts as gone
--       seen, hash…                → for each: "tag:seconds ago", empty if there is no witness
--
-- The caller of `left` sends the other notices again. So from then on the lease is closed: a worker that was only
-- suspended, and resumes as if its lease were still valid, gets "closed" before it sends anything.
-- All verbs are idempotent: run twice (a lost answer, a retry), each returns the same.

local AT_ONCE = 1000 -- the number of words that Lua can safely put on its stack

local verb, lease = ARGV[1], ARGV[2]
local now = tonumber(redis.call('TIME')[1])

-- Decode a stored witness: the tag, and how many seconds ago it was written.
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

-- Whether this server is, as a master, not the one on which the epoch began (marks.py: split brain).
local function is_elsewhere()
    local life = redis.call('HGET', KEYS[1], 'life')
    return life and life ~= string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
end

-- An epoch ends after its day, whatever happened to the expiry of its key. An epoch with an invalid hash ends now.
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
        redis.call('UNLINK', KEYS[3]) -- RENAME alone would block the server while it frees a million entries
        redis.call('RENAME', KEYS[2], KEYS[3])
    end
    if redis.call('HSETNX', KEYS[2], 'since', now) == 1 then redis.call('EXPIRE', KEYS[2], 2 * keep) end
end

if not alive or not known then return {'gone'} end -- earlier marks may be lost with the field
if closed then return {'closed'} end
if is_elsewhere() then return {'elsewhere'} end

local tag, keep, most = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
make_room(keep, most)
local ids, hashes, known_tags = {}, {}, {}
for id, hash, tags in string.gmatch(ARGV[6], '(%d+) (%S+) ([^;]*);') do
    local i = #ids + 1
    ids[i], hashes[i], known_tags[i] = id, hash, tags
end

-- Use few commands, since each costs more than its work: hundreds of notices are marked at once.
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
