import { OrderService } from '@souk/contracts/shop/order/v1/order_service_pb.js';
import type { TransactionState } from '@souk/contracts/shop/order/v1/transaction_pb.js';
import { afterAll } from 'vitest';
import { createAuthenticate } from '../auth/authenticate.ts';
import { fail } from '../errors.ts';
import { createServer } from '../rpc/server.ts';
import { createLogger } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { implementPartly } from './implement.ts';

/** The coordinator's GetTransaction on a real server, with answers that a test sets. */
export interface TestCoordinator {
  readonly address: string;
  /** What participants prove their names with. */
  readonly token: string;
  /** By transaction. Others are NOT_FOUND. */
  readonly states: Map<string, TransactionState>;
  /** The transactions that were asked for, in order. */
  readonly asked: string[];
  stop(): Promise<void>;
  /** Serves again, at the same address. */
  restart(): Promise<void>;
}

/** Starts a coordinator for one test file. */
export async function testCoordinator(): Promise<TestCoordinator> {
  const token = 'a-secret-of-the-participants';
  const states = new Map<string, TransactionState>();
  const asked: string[] = [];
  const start = async (port: number) => {
    const server = createServer({
      implementations: [
        implementPartly(OrderService, {
          getTransaction({ transactionId }) {
            asked.push(transactionId);
            const state = states.get(transactionId);
            if (state === undefined) throw fail('NOT_FOUND', 'TRANSACTION_NOT_FOUND', 'Unknown.');
            return { transaction: { id: transactionId, state } };
          },
        }),
      ],
      authenticate: createAuthenticate({
        serviceTokens: new Map([
          ['product', token],
          ['user', token],
        ]),
      }),
      health: async () => {},
      log: createLogger({ service: 'order', instance: 'test', level: 'silent' }),
      metrics: createMetrics({ process: false }),
    });
    return { server, port: await server.listen('127.0.0.1', port) };
  };
  let { server, port } = await start(0);
  const stop = () => server.drain(100);
  afterAll(stop);
  return {
    address: `127.0.0.1:${port}`,
    token,
    states,
    asked,
    stop,
    async restart() {
      ({ server, port } = await start(port));
    },
  };
}
