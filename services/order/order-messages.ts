import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import {
  type OrderChangeSchema,
  type OrderSchema,
  OrderState as OrderStateMessage,
} from '@souk/contracts/shop/order/v1/order_pb.js';
import {
  type TransactionSchema,
  TransactionState as TransactionStateMessage,
} from '@souk/contracts/shop/order/v1/transaction_pb.js';
import { formatEtag } from '../../platform/paging/etag.ts';
import type { TransactionRecord, TransactionState } from '../../platform/transaction/log.ts';
import type { Order, OrderChange, OrderState, OrderView } from './domain/order.ts';

/** The order as the contract has it. A view comes with today's names. */
export const toOrderMessage = (order: Order | OrderView): MessageInitShape<typeof OrderSchema> => ({
  id: order.id,
  userId: order.userId,
  state: OrderStateMessage[order.state],
  lines: order.lines.map(({ productId, productName, unitPrice, quantity }, index) => ({
    productId,
    productName,
    unitPrice: { currencyCode: order.currency, minorUnits: unitPrice },
    quantity,
    currentProductName: ('productNames' in order && order.productNames[index]) || '',
  })),
  total: { currencyCode: order.currency, minorUnits: order.total },
  rejectReason: order.rejectReason,
  version: order.version,
  etag: formatEtag(order.version),
  createTime: timestampFromDate(order.createdAt),
  updateTime: timestampFromDate(order.updatedAt),
  customerName: 'customerName' in order ? order.customerName : '',
});

/** The change as the contract has it. */
export const toChangeMessage = (change: OrderChange): MessageInitShape<typeof OrderChangeSchema> => ({
  orderId: change.orderId,
  version: change.version,
  state: OrderStateMessage[change.state],
  total: { currencyCode: change.currency, minorUnits: change.total },
  changeTime: timestampFromDate(change.changedAt),
});

/** The transaction as the contract has it. */
export const toTransactionMessage = (
  record: TransactionRecord,
): MessageInitShape<typeof TransactionSchema> => ({
  id: record.id,
  kind: record.kind,
  orderId: record.entityId,
  state: TransactionStateMessage[record.state],
  attempts: record.attempts,
  lastError: record.lastError,
  createTime: timestampFromDate(record.createdAt),
  updateTime: timestampFromDate(record.updatedAt),
});

/** The names of enum values that the contract's rules have let in: defined, and not unspecified. */
export const toOrderStates = (states: readonly OrderStateMessage[]): OrderState[] =>
  states.map((state) => OrderStateMessage[state] as OrderState);

/** As {@link toOrderStates}. */
export const toTransactionStates = (states: readonly TransactionStateMessage[]): TransactionState[] =>
  states.map((state) => TransactionStateMessage[state] as TransactionState);
