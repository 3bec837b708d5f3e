-- Holds an answer back until all of it is there. Once its first bytes are passed on nothing can be tried again, and an
-- instance that is killed between its answer's headers and trailers would cost the call.

-- METHODS: the paths of the methods that may be tried again, put in from the contract.

function envoy_on_request(handle)
  if methods[handle:headers():get(":path")] then
    handle:streamInfo():dynamicMetadata():set("souk.whole_answers", "hold", true)
  end
end

function envoy_on_response(handle)
  local mine = handle:streamInfo():dynamicMetadata():get("souk.whole_answers")
  if mine ~= nil and mine["hold"] then handle:body() end
end
