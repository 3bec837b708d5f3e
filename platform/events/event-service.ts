import type { GenMessage, GenService } from '@bufbuild/protobuf/codegenv2';
import type * as feed from '@souk/contracts/shop/event/v1/feed_pb.js';
import type * as operations from '@souk/contracts/shop/event/v1/operations_pb.js';
import type { Client } from '../rpc/client.ts';
import type { Routes } from '../rpc/routes.ts';

/**
 * The methods that each service has about events, in a service of its own: UserEventService and the others. They have
 * the same messages, so that here is one implementation for all.
 */
type EventService = GenService<{
  followEvents: {
    methodKind: 'server_streaming';
    input: GenMessage<feed.FollowEventsRequest>;
    output: GenMessage<feed.FollowEventsResponse>;
  };
  snapshotEvents: {
    methodKind: 'server_streaming';
    input: GenMessage<feed.SnapshotEventsRequest>;
    output: GenMessage<feed.SnapshotEventsResponse>;
  };
  acknowledgeEvents: {
    methodKind: 'unary';
    input: GenMessage<feed.AcknowledgeEventsRequest>;
    output: GenMessage<feed.AcknowledgeEventsResponse>;
  };
  listEventConsumers: {
    methodKind: 'unary';
    input: GenMessage<operations.ListEventConsumersRequest>;
    output: GenMessage<operations.ListEventConsumersResponse>;
  };
  removeEventConsumer: {
    methodKind: 'unary';
    input: GenMessage<operations.RemoveEventConsumerRequest>;
    output: GenMessage<operations.RemoveEventConsumerResponse>;
  };
  listParkedEvents: {
    methodKind: 'unary';
    input: GenMessage<operations.ListParkedEventsRequest>;
    output: GenMessage<operations.ListParkedEventsResponse>;
  };
  getParkedEvent: {
    methodKind: 'unary';
    input: GenMessage<operations.GetParkedEventRequest>;
    output: GenMessage<operations.GetParkedEventResponse>;
  };
  replayParkedEvents: {
    methodKind: 'unary';
    input: GenMessage<operations.ReplayParkedEventsRequest>;
    output: GenMessage<operations.ReplayParkedEventsResponse>;
  };
  discardParkedEvent: {
    methodKind: 'unary';
    input: GenMessage<operations.DiscardParkedEventRequest>;
    output: GenMessage<operations.DiscardParkedEventResponse>;
  };
  rebuildCopies: {
    methodKind: 'unary';
    input: GenMessage<operations.RebuildCopiesRequest>;
    output: GenMessage<operations.RebuildCopiesResponse>;
  };
}>;

/** A handler for each of the ten methods, to be used with any service's: `implement(UserEventService, routes)`. */
export type EventRoutes = Routes<EventService>;

/** What reads a publisher: any service's generated client has it, `createClient(UserEventService, …)`. */
export type FeedClient = Pick<Client<EventService>, 'followEvents' | 'snapshotEvents' | 'acknowledgeEvents'>;
