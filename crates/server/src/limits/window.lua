-- The window of one key, as a list of moments in microseconds, oldest first: `domain::rate_limit::Window` once more.
-- KEYS: the window. ARGV: limit, cost, length of the window, the moment of now (empty: the server's), and how long
-- ago requests were accepted that are not written down yet.
local key = KEYS[1]
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[3])
local cost = math.min(tonumber(ARGV[2]), limit)
local now = tonumber(ARGV[4])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end

local function newest()
    return tonumber(redis.call('LINDEX', key, -1))
end

local function append(moments)
    for _, moment in ipairs(moments) do
        redis.call('RPUSH', key, string.format('%.0f', moment))
    end
    redis.call('PEXPIRE', key, window / 1000 + 1000)
end

local ahead = (newest() or now) - now
if ahead > 0 then
    -- The server's clock was set back: what is written down moves with it, so that nobody waits for it to catch up.
    local moments = redis.call('LRANGE', key, 0, -1)
    for index, moment in ipairs(moments) do
        moments[index] = tonumber(moment) - ahead
    end
    redis.call('DEL', key)
    append(moments)
end

if #ARGV > 4 then
    local moments = {}
    for index = 5, #ARGV do
        moments[#moments + 1] = now - tonumber(ARGV[index])
    end
    local first = math.min(unpack(moments))
    -- Only the end of the window is written anew: a window may be long, and everybody waits for this script.
    while (newest() or first) > first do
        moments[#moments + 1] = tonumber(redis.call('RPOP', key))
    end
    table.sort(moments)
    append(moments)
    -- What is told twice, because the answer to the first time was lost, does not make the window longer.
    redis.call('LTRIM', key, -limit, -1)
end

local oldest = redis.call('LINDEX', key, 0)
while oldest and tonumber(oldest) + window <= now do
    redis.call('LPOP', key)
    oldest = redis.call('LINDEX', key, 0)
end

local used = redis.call('LLEN', key)
local accepted = used + cost <= limit
local last = used + cost - limit - 1
if accepted then
    local moments = {}
    for index = 1, cost do
        moments[index] = now
    end
    append(moments)
    used = used + cost
    last = 0
end
local wait = tonumber(redis.call('LINDEX', key, last)) + window - now
return { accepted and 1 or 0, math.max(limit - used, 0), wait }
