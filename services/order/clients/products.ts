import type { ProductService } from '@souk/contracts/shop/product/v1/product_service_pb.js';
import { createBatcher } from '../../../platform/batch/batcher.ts';
import type { Client } from '../../../platform/rpc/client.ts';
import type { Offer } from '../domain/lines.ts';

/** The product service's catalogue. */
export interface Products {
  /** What the catalogue says of these products now. Those that it doesn't have are left out. */
  offers(productIds: readonly string[]): Promise<ReadonlyMap<string, Offer>>;
}

/** As many ids as the contract lets one call carry. */
const MAX_IDS = 100;
const MAX_REQUESTS = 256;

/** The catalogue over the contract. Requests that arrive together share calls and ask for each product once. */
export function createProducts(client: Client<typeof ProductService>): Products {
  async function read(productIds: string[]): Promise<Offer[]> {
    const { products } = await client.batchGetProducts({ productIds });
    return products.map(({ id, name, price }) => {
      if (price === undefined) throw new Error(`product ${id} came without a price`);
      return { productId: id, name, currency: price.currencyCode, price: price.minorUnits };
    });
  }

  const offers = createBatcher<readonly string[], ReadonlyMap<string, Offer>>({
    maxSize: MAX_REQUESTS,
    async run(requests) {
      const ids = [...new Set(requests.flat())];
      const calls: Promise<Offer[]>[] = [];
      for (let start = 0; start < ids.length; start += MAX_IDS)
        calls.push(read(ids.slice(start, start + MAX_IDS)));
      const found = new Map((await Promise.all(calls)).flat().map((offer) => [offer.productId, offer]));
      return requests.map(() => found);
    },
  });
  return { offers: async (ids) => (ids.length === 0 ? new Map() : offers(ids)) };
}
