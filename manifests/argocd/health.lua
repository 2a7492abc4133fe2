-- The health of a PBACluster for Argo CD, from the conditions that the operator writes.
-- Argo CD runs this without Lua's `string` and `math`. It never asks about an object that is being deleted.

local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end

local function is_true(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

local function message_of(kind)
  return conditions[kind] ~= nil and conditions[kind].message or ""
end

if status.observedGeneration ~= obj.metadata.generation then
  return { status = "Progressing", message = "The operator has not seen the newest spec yet." }
end
if is_true("Stalled") then
  return { status = "Degraded", message = message_of("Stalled") }
end
if is_true("Paused") then
  return { status = "Suspended", message = message_of("Paused") .. " " .. message_of("Ready") }
end
if is_true("Ready") then
  return { status = "Healthy", message = message_of("Ready") }
end
return { status = "Progressing", message = message_of("Ready") }
