-- Reads which service a health check asks for (grpc.health.v1.HealthCheckRequest, field 1) and tells the router by
-- a header: the request's path is the same for all services.

-- The protobuf varint at `index`, and the index after it.
local function varint(bytes, index)
  local value, shift = 0, 1
  repeat
    local byte = bytes:byte(index)
    if byte == nil or shift > 2 ^ 28 then return nil end
    value = value + (byte % 128) * shift
    shift = shift * 128
    index = index + 1
  until byte < 128
  return value, index
end

function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("x-souk-health-of")
  if headers:get("content-type") ~= "application/grpc" and headers:get("content-type") ~= "application/grpc+proto" then
    return
  end
  local body = handle:body()
  if body == nil then return end
  local bytes = body:getBytes(0, body:length())
  -- A gRPC message: one byte of flags (1 = compressed), four of length. Then the field's tag, 0x0A.
  if bytes:byte(1) ~= 0 or bytes:byte(6) ~= 10 then return end
  local length, start = varint(bytes, 7)
  if length == nil or length > 200 then return end
  local name = bytes:sub(start, start + length - 1)
  if not name:match("^[%w._]+$") then return end
  -- Fetched anew: waiting for the body has ended the life of the first object.
  handle:headers():add("x-souk-health-of", name)
  handle:clearRouteCache()
end
