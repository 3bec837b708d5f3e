import type { Resource } from '../resource.ts';

/** Takes out an instance whose calls fail while its health checks pass, for 5 s at first and longer each time. */
export const outliers: Resource = {
  outlier_detection: {
    interval: '1s',
    base_ejection_time: '5s',
    max_ejection_time: '30s',
    // All of them, if all fail: then nobody counts as left out any more, and calls go to all. Were one of two the most,
    // the other would get every call as long as it isn't known to be dead, however many it fails.
    max_ejection_percent: 100,
    // Failures to reach an instance, and its own answers (UNAVAILABLE is 503 here), are counted apart. INTERNAL and
    // UNKNOWN don't count: a request that hits a bug must not take instances away from everybody.
    split_external_local_origin_errors: true,
    // A try that takes too long is counted among the former. Just after their start instances are slow, several times in
    // a row; one that hangs fails its health checks too.
    consecutive_local_origin_failure: 10,
    enforcing_consecutive_local_origin_failure: 100,
    consecutive_gateway_failure: 5,
    enforcing_consecutive_gateway_failure: 100,
    enforcing_consecutive_5xx: 0,
    enforcing_success_rate: 0,
    enforcing_local_origin_success_rate: 0,
    // Else the next passed check would let an outlier back in at once.
    successful_active_health_check_uneject_host: false,
  },
};
