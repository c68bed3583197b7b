-- Let nobody take in a class for a while; the first pause of a burst also halves its rate.
--
-- KEYS[1]  the account's hash
-- ARGV     now or "" (then the server's clock), class, duration, burst, recovery, most halvings
-- Times are microseconds. The rules are those of connectors/budgets/in_process.py.

local state = KEYS[1]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local pace = 'pace/' .. ARGV[2] .. '/'
local duration, burst = tonumber(ARGV[3]), tonumber(ARGV[4])
local recovery, most = tonumber(ARGV[5]), tonumber(ARGV[6])

local function read(field)
  return tonumber(redis.call('HGET', state, pace .. field) or 0)
end

local function write(field, number)
  redis.call('HSET', state, pace .. field, string.format('%.0f', number))
end

local burst_until = read('burst_until')
if now >= burst_until then
  local calm = math.max(0, now - read('halved_at'))
  local halvings = math.max(0, read('halvings') - math.floor(calm / recovery))
  write('halvings', math.min(most, halvings + 1))
  write('halved_at', now + duration)
  burst_until = now + math.max(duration, burst)
end
local paused_until = math.max(read('paused_until'), now + duration)
write('paused_at', now)
write('paused_until', paused_until)
write('burst_until', math.max(burst_until, paused_until))
local ttl = math.ceil((paused_until - now + recovery * (most + 1)) / 1000)
if redis.call('PTTL', state) < ttl then
  redis.call('PEXPIRE', state, ttl)
end
return 1
