-- Book one request in every window of its class, or tell how long to wait.
--
-- KEYS[1]      the account's hash: totals, calendar indexes, learned limits, paces
-- KEYS[1 + i]  the log of window i: a list of "tick:takes"
-- ARGV         now or "" (then the server's clock), class, kept permille of long windows,
--              recovery, number of windows,
--              per window: key, limit, period, aligned, offset, long, tick, kept,
--              per learned fact: index of its window, limit, used, age
-- Times are microseconds. Returns 0 when booked, else the microseconds to wait.
-- The rules are those of connectors/budgets/in_process.py, tested against each other.

local state = KEYS[1]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local class = ARGV[2]
local kept_permille, recovery, count = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local WIDTH, FIRST = 8, 6
local ttl = 60000000

local function whole(number) -- Redis would store large numbers as 1.7e+15
  return string.format('%.0f', number)
end

local function read(field)
  return tonumber(redis.call('HGET', state, field) or 0)
end

local function split(entry)
  local tick, takes = string.match(entry, '^(%d+):(%d+)$')
  return tonumber(tick), tonumber(takes)
end

local function tick_of(window)
  return math.ceil(now / window.tick) * window.tick
end

local function book(window, takes)
  window.total = window.total + takes
  redis.call('HSET', state, 'total/' .. window.key, window.total)
  if window.aligned then
    redis.call('HSET', state, 'index/' .. window.key, whole(window.index))
    return
  end
  local tick, last = tick_of(window), redis.call('LINDEX', window.log, -1)
  if last then
    local last_tick, last_takes = split(last)
    if last_tick >= tick then
      redis.call('LSET', window.log, -1, whole(last_tick) .. ':' .. (last_takes + takes))
      return
    end
  end
  redis.call('RPUSH', window.log, whole(tick) .. ':' .. takes)
end

local function expire(window)
  window.total = read('total/' .. window.key)
  if window.aligned then
    window.index = math.floor((now - window.offset) / window.period)
    if read('index/' .. window.key) ~= window.index then
      window.total = 0
    end
    return
  end
  local last = redis.call('LINDEX', window.log, -1)
  if not last then
    window.total = 0
  elseif split(last) > now + window.tick + 1000000 then
    -- the server's clock was set back: keep the whole count, from now on
    redis.call('DEL', window.log)
    redis.call('RPUSH', window.log, whole(tick_of(window)) .. ':' .. window.total)
  end
  local head = redis.call('LINDEX', window.log, 0)
  while head do
    local tick, takes = split(head)
    if tick + window.kept > now then
      break
    end
    redis.call('LPOP', window.log)
    window.total = window.total - takes
    head = redis.call('LINDEX', window.log, 0)
  end
  redis.call('HSET', state, 'total/' .. window.key, window.total)
end

local function wait_for(window, limit)
  if window.total < limit then
    return 0
  end
  if window.aligned then
    return (window.index + 1) * window.period + window.offset - now
  end
  local must_go, position = window.total - limit + 1, 0
  while true do
    local entry = redis.call('LINDEX', window.log, position)
    if not entry then
      return window.kept
    end
    local tick, takes = split(entry)
    must_go = must_go - takes
    if must_go <= 0 then
      return tick + window.kept - now
    end
    position = position + 1
  end
end

local windows = {}
for i = 1, count do
  local at = FIRST + (i - 1) * WIDTH
  local window = {
    key = ARGV[at],
    log = KEYS[1 + i],
    limit = tonumber(ARGV[at + 1]),
    period = tonumber(ARGV[at + 2]),
    aligned = ARGV[at + 3] == '1',
    offset = tonumber(ARGV[at + 4]),
    long = ARGV[at + 5] == '1',
    tick = tonumber(ARGV[at + 6]),
    kept = tonumber(ARGV[at + 7]),
  }
  expire(window)
  ttl = math.max(ttl, 2 * window.kept)
  windows[i] = window
end

for at = FIRST + count * WIDTH, #ARGV, 4 do
  local window = windows[tonumber(ARGV[at])]
  local used, age = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  redis.call('HSET', state, 'limit/' .. window.key, ARGV[at + 1])
  local current = age < window.period
  if window.aligned then
    current = math.floor((now - age - window.offset) / window.period) == window.index
  end
  if current and used > window.total then
    book(window, used - window.total)
  end
end

local pace = 'pace/' .. class .. '/'
local paused_until = read(pace .. 'paused_until')
if now < read(pace .. 'paused_at') then
  paused_until = 0 -- the server's clock was set back
end
local calm = math.max(0, now - read(pace .. 'halved_at'))
local halvings = math.max(0, read(pace .. 'halvings') - math.floor(calm / recovery))

local wait = math.max(0, paused_until - now)
for _, window in ipairs(windows) do
  local limit = math.min(window.limit, tonumber(redis.call('HGET', state, 'limit/' .. window.key) or window.limit))
  if window.long then
    limit = math.floor(limit * kept_permille / 1000)
  else
    limit = math.floor(limit / 2 ^ halvings)
  end
  wait = math.max(wait, wait_for(window, math.max(1, limit)))
end
if wait == 0 then
  for _, window in ipairs(windows) do
    book(window, 1)
  end
end
for _, window in ipairs(windows) do
  redis.call('PEXPIRE', window.log, math.ceil(2 * window.kept / 1000))
end
if redis.call('PTTL', state) < math.ceil(ttl / 1000) then
  redis.call('PEXPIRE', state, math.ceil(ttl / 1000))
end
return whole(wait)
