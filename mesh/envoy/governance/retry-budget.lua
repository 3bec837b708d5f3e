-- Asks for another try of a call that an instance answered UNAVAILABLE, as long as such tries are few: BURST at once,
-- and one for each ten calls after that. So N failing calls cause at most 1.1 N + 10 tries, and an instance that is
-- overloaded or has lost its database isn't burdened with three times its calls. A call that did not reach its instance
-- has burdened nobody, and is always tried again.
--
-- What the callee only passes on, from a service that it called itself, is not tried again here: its own proxy has
-- spent its budget on it, and tries would multiply.

-- METHODS: the paths of the methods that may be tried again, put in from the contract.

local RATIO = 0.1
local BURST = 10
local tokens = BURST

function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get("x-envoy-attempt-count") == "1" then tokens = math.min(BURST, tokens + RATIO) end
  if methods[headers:get(":path")] then
    handle:streamInfo():dynamicMetadata():set("souk.retry_budget", "retryable", true)
  end
end

function envoy_on_response(handle)
  local mine = handle:streamInfo():dynamicMetadata():get("souk.retry_budget")
  local headers = handle:headers()
  if mine == nil or headers:get("grpc-status") ~= "14" or headers:get("x-souk-passed-on") then return end
  if headers:get("x-souk-unreached") == nil then
    if tokens < 1 then return end
    tokens = tokens - 1
  end
  headers:replace("x-souk-retry", "1")
end
