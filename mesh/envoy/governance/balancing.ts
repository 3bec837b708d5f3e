import { type Resource, typed } from '../resource.ts';

/**
 * Each call goes to the less busy of two instances that are picked at random, in proportion to their weights: a canary
 * has less. An instance that has just come gets more and more within SLOW_START, while its code is still being compiled.
 */
export const balancing: Resource = {
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: 'envoy.load_balancing_policies.least_request',
          typed_config: typed('envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest', {
            choice_count: 2,
            slow_start_config: {
              slow_start_window: '5s',
              // From the first second it takes calls, if few.
              min_weight_percent: { value: 10 },
            },
          }),
        },
      },
    ],
  },
  // By default changes of health are gathered for a second before they count: made for thousands of instances.
  common_lb_config: { update_merge_window: '0s' },
};
