-- A picker inside HAProxy: of the nodes that answer about as fast as most, the one with the fewest requests.
--
-- The alternative to a sidecar that sets weights, as well as it can be done here. Each thread has a Lua of its own
-- (`lua-load-per-thread`), so that none waits for another, and learns the nodes' latencies by itself.
-- - Requests in flight are HAProxy's own counts: none is left over when a client or a node breaks off, and those that
--   HAProxy sends on to another node are in them.
-- - A node that drains, is down or full is not picked; where none is left to pick, HAProxy's own algorithm decides.
-- - A node's latency is its peak EWMA: what is slower counts at once, what is faster by and by. What fails counts as slow.
-- - A node that is slower than most by the factor BAND gets one request every PROBE seconds.

local BACKEND = "nodes"
local BAND = 2.0
local TAU = 10.0
local PROBE = 5.0
local LOOK = 0.1 -- seconds from one look at the medians, and at who is up, to the next
local FAILED = 5000.0 -- milliseconds that a failure counts as

local all, by_name, near = {}, {}, {}
local next_look, turn = 0.0, 0

core.register_init(function()
  for name, server in pairs(core.backends[BACKEND].servers) do
    local node = { name = name, server = server, latency = nil, heard = 0.0, probed = 0.0 }
    all[#all + 1] = node
    by_name[name] = node
  end
  table.sort(all, function(one, other) return one.name < other.name end)
  near = all
end)

local function seconds()
  local now = core.now()
  return now.sec + now.usec / 1e6
end

local function is_open(server)
  if server:is_draining() then return false end
  local most = server:get_maxconn()
  return most == 0 or server:get_cur_sess() < most
end

-- Find who is up and near the median; return a node that is to be probed.
local function look(txn, now)
  local up, latencies = {}, {}
  for _, node in ipairs(all) do
    if txn.f:srv_is_up(BACKEND .. "/" .. node.name) == 1 then
      up[#up + 1] = node
      if node.latency then latencies[#latencies + 1] = node.latency end
    end
  end
  table.sort(latencies)
  local bound = BAND * (latencies[#latencies // 2 + 1] or 0.0)
  local found, probed = {}, nil
  for _, node in ipairs(up) do
    if not node.latency or node.latency <= bound then
      found[#found + 1] = node
    elseif now - node.probed >= PROBE and is_open(node.server) then
      probed = node
    end
  end
  near = #found > 0 and found or up
  return probed
end

core.register_fetches("pick", function(txn)
  local now = seconds()
  if now >= next_look then
    next_look = now + LOOK
    local probed = look(txn, now)
    if probed then
      probed.probed = now
      return probed.name
    end
  end
  -- Of equals the one whose turn it is.
  local count = #near
  turn = turn + 1
  local best, least
  for i = 1, count do
    local node = near[(turn + i) % count + 1]
    local running = node.server:get_cur_sess()
    if (not least or running < least) and is_open(node.server) then
      best, least = node, running
      if running == 0 then break end
    end
  end
  return best and best.name or ""
end)

core.register_action("answered", { "http-res" }, function(txn)
  local node = by_name[txn.f:srv_name()]
  if not node then return end
  local now = seconds()
  local took = txn.f:status() >= 500 and FAILED or txn.f:res_timer_hdr()
  local before = node.latency
  if not before or took > before then
    node.latency = took
  else
    local weight = math.exp((node.heard - now) / TAU)
    node.latency = before * weight + took * (1.0 - weight)
  end
  node.heard = now
end)
