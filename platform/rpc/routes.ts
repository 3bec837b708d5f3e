import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import type { Context } from './context.ts';

type Route<Method extends DescMethod> =
  Method extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, context: Context) => Promise<MessageInitShape<O>> | MessageInitShape<O>
    : Method extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: Context) => AsyncIterable<MessageInitShape<O>>
      : never;

/** A handler for each method of a service, by its local name (getProduct). */
export type Routes<Service extends DescService> = {
  [Name in keyof Service['method']]: Route<Service['method'][Name]>;
};

/** A service with its handlers. */
export interface Implementation {
  readonly service: DescService;
  readonly routes: Readonly<Record<string, unknown>>;
}

/** Joins a service's descriptor with its handlers, typed by the contract. */
export function implement<Service extends DescService>(
  service: Service,
  routes: Routes<Service>,
): Implementation {
  return { service, routes: routes as Record<string, unknown> };
}
