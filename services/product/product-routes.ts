import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ProductSchema } from '@souk/contracts/shop/product/v1/product_pb.js';
import {
  CreateProductRequestSchema,
  CreateProductResponseSchema,
  type ListProductsRequest,
  ProductOrder,
  type ProductService,
  type UpdateProductRequest,
} from '@souk/contracts/shop/product/v1/product_service_pb.js';
import type { Money as MoneyMessage } from '@souk/contracts/shop/type/v1/money_pb.js';
import type { Sql } from '../../platform/db/database.ts';
import { once } from '../../platform/db/requests.ts';
import { invalidField } from '../../platform/errors.ts';
import { uuidv7 } from '../../platform/id.ts';
import { formatEtag } from '../../platform/paging/etag.ts';
import type { Routes } from '../../platform/rpc/routes.ts';
import {
  type Money,
  normaliseId,
  type Product,
  type ProductChange,
  parseDescription,
  parseName,
  storable,
} from './product.ts';
import { type ListFilter, type ListOrder, listPage } from './product-list.ts';
import { createReadPage } from './product-list-store.ts';
import {
  createProductReader,
  deleteProduct,
  insertProduct,
  readProducts,
  updateProduct,
} from './product-store.ts';
import { requestKey } from './request-key.ts';

/** The catalogue's methods. `wake` is called when there are events to be published. */
export function productRoutes(sql: Sql, wake: () => void): Routes<typeof ProductService> {
  const readProduct = createProductReader(sql);
  const readPage = createReadPage(sql);

  return {
    async createProduct(request, context) {
      const product = {
        id: uuidv7(),
        name: parseName(request.name, 'name'),
        description: parseDescription(request.description, 'description'),
        price: toMoney(request.price, 'price'),
      };
      const key = requestKey(CreateProductRequestSchema, request, context);
      const response = await sql.begin((tx) =>
        once(tx, key, async () => {
          const made = toMessage(await insertProduct(tx, product, context.trace));
          return toBinary(
            CreateProductResponseSchema,
            create(CreateProductResponseSchema, { product: made }),
          );
        }),
      );
      wake();
      return fromBinary(CreateProductResponseSchema, response);
    },

    async updateProduct(request, { trace }) {
      const { id = '', etag = '' } = request.product ?? {};
      const change = toChange(request);
      const product = await sql.begin((tx) => updateProduct(tx, normaliseId(id), etag, change, trace));
      wake();
      return { product: toMessage(product) };
    },

    async deleteProduct({ productId, etag }, { trace }) {
      await sql.begin((tx) => deleteProduct(tx, normaliseId(productId), etag, trace));
      wake();
      return {};
    },

    async getProduct({ productId }) {
      return { product: toMessage(await readProduct(normaliseId(productId))) };
    },

    async batchGetProducts({ productIds }) {
      const ids = [...new Set(productIds.map(normaliseId))];
      const found = await readProducts(sql, ids);
      const products = ids.flatMap((id) => found.get(id) ?? []);
      return { products: products.map(toMessage), missingIds: ids.filter((id) => !found.has(id)) };
    },

    async listProducts(request) {
      const { pageSize, pageToken } = request;
      const order = ORDERS[request.orderBy];
      const page = await listPage(readPage, { order, filter: toFilter(request), pageSize, pageToken });
      return { products: page.products.map(toMessage), nextPageToken: page.nextPageToken };
    },
  };
}

const ORDERS: Readonly<Record<ProductOrder, ListOrder>> = {
  [ProductOrder.UNSPECIFIED]: 'newest',
  [ProductOrder.PRICE]: 'price',
  [ProductOrder.PRICE_DESC]: 'priceDescending',
  [ProductOrder.NAME]: 'name',
  [ProductOrder.NEWEST]: 'newest',
  [ProductOrder.BEST_SELLING]: 'bestSelling',
};

function toFilter({ query, minPrice, maxPrice, availableOnly }: ListProductsRequest): ListFilter {
  const currency = (minPrice ?? maxPrice)?.currencyCode;
  return {
    query: storable(query, 'query').trim(),
    availableOnly,
    ...(currency !== undefined && { currency }),
    ...(minPrice !== undefined && { minPrice: minPrice.minorUnits }),
    ...(maxPrice !== undefined && { maxPrice: maxPrice.minorUnits }),
  };
}

function toChange({ product, updateMask }: UpdateProductRequest): ProductChange {
  const change: { -readonly [Field in keyof ProductChange]: ProductChange[Field] } = {};
  for (const [index, path] of (updateMask?.paths ?? []).entries()) {
    if (path === 'name') change.name = parseName(product?.name ?? '', 'product.name');
    else if (path === 'description')
      change.description = parseDescription(product?.description ?? '', 'product.description');
    else if (path === 'price') change.price = toMoney(product?.price, 'product.price');
    else throw invalidField(`update_mask.paths[${index}]`, 'must be "name", "description" or "price"');
  }
  return change;
}

function toMoney(money: MoneyMessage | undefined, field: string): Money {
  if (money === undefined) throw invalidField(field, 'is required');
  return { currency: money.currencyCode, minorUnits: money.minorUnits };
}

function toMessage(product: Product): MessageInitShape<typeof ProductSchema> {
  return {
    id: product.id,
    name: product.name,
    description: product.description,
    price: { currencyCode: product.price.currency, minorUnits: product.price.minorUnits },
    available: product.available,
    etag: formatEtag(product.version),
    createTime: timestampFromDate(product.createdAt),
    updateTime: timestampFromDate(product.updatedAt),
  };
}
