import type { DescService } from '@bufbuild/protobuf';
import { type Implementation, implement, type Routes } from '../rpc/routes.ts';

/** Like `implement`, with handlers for the methods that a test calls; the others throw. */
export function implementPartly<Service extends DescService>(
  service: Service,
  routes: Partial<Routes<Service>>,
): Implementation {
  const unused = (): never => {
    throw new Error('the test has no handler for this method');
  };
  const all = Object.fromEntries(service.methods.map(({ localName }) => [localName, unused]));
  return implement(service, { ...all, ...routes } as Routes<Service>);
}
