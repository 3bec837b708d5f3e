import { randomUUID } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Product, ProductSchema } from '@souk/contracts/shop/product/v1/product_pb.js';
import { describe, expect, test } from 'vitest';
import { uuidv7 } from '../../platform/id.ts';
import { euro, failure, newProduct, putIn, testService } from './test-service.ts';

const { anonymous, customer, admin, otherAdmin, order } = await testService();

async function newLamp(): Promise<Product> {
  const id = await newProduct(admin);
  return (await anonymous.products.getProduct({ productId: id })).product ?? create(ProductSchema);
}
const update = (product: MessageInitShape<typeof ProductSchema>, ...paths: string[]) =>
  admin.products.updateProduct({ product, updateMask: { paths } });

describe('CreateProduct', () => {
  const request = () => ({
    requestId: randomUUID(),
    name: ' Oak shelf ',
    description: 'Holds.',
    price: euro(4_990),
  });

  test('adds a product that can be read, with no stock', async () => {
    const { product } = await admin.products.createProduct(request());
    expect(product).toMatchObject({
      name: 'Oak shelf',
      description: 'Holds.',
      price: euro(4_990),
      available: 0n,
    });
    const read = await anonymous.products.getProduct({ productId: product?.id ?? '' });
    expect(read.product).toEqual(product);
    expect(Number(product?.createTime?.seconds) * 1000).toBeGreaterThan(Date.now() - 60_000);
  });

  test('repeated, also at once and after changes, gives the first answer', async () => {
    const asked = request();
    const answers = await Promise.all(Array.from({ length: 8 }, () => admin.products.createProduct(asked)));
    const [first] = answers;
    await putIn(admin, first?.product?.id ?? '', 3);
    answers.push(await admin.products.createProduct(asked));
    for (const answer of answers) expect(answer).toEqual(first);
    const { products } = await anonymous.products.listProducts({ query: 'Oak shelf' });
    expect(products.filter(({ id }) => id === first?.product?.id)).toHaveLength(1);
  });

  test('a request id with other contents is refused; it is each admin’s own', async () => {
    const asked = request();
    const mine = await admin.products.createProduct(asked);
    expect(await failure(admin.products.createProduct({ ...asked, name: 'Other' }))).toMatchObject({
      code: 'AlreadyExists',
      reason: 'REQUEST_ID_REUSED',
    });
    const theirs = await otherAdmin.products.createProduct(asked);
    expect(theirs.product?.id).not.toBe(mine.product?.id);
  });

  test.each([
    ['name', { name: '' }],
    ['name', { name: ' \t\u2003' }],
    ['name', { name: 'x'.repeat(201) }],
    ['name', { name: 'a\0b' }],
    ['description', { description: 'x'.repeat(5_001) }],
    ['description', { description: '\0' }],
    ['price', { price: undefined }],
    ['price.minor_units', { price: euro(-1) }],
    ['price.minor_units', { price: euro(10n ** 12n + 1n) }],
    ['price.currency_code', { price: { currencyCode: 'eur', minorUnits: 1n } }],
    ['request_id', { requestId: '' }],
  ])('refuses a bad %s', async (field, bad) => {
    const { price, ...rest } = { ...request(), ...bad };
    const call = admin.products.createProduct({ ...rest, ...(price && { price }) });
    expect(await failure(call)).toMatchObject({ code: 'InvalidArgument', fields: [field] });
  });

  test('takes the longest name and description, of characters outside the basic plane', async () => {
    const name = '💥'.repeat(200);
    const { product } = await admin.products.createProduct({
      ...request(),
      name,
      description: '漢'.repeat(5_000),
    });
    expect(product?.name).toBe(name);
  });
});

describe('UpdateProduct', () => {
  test('changes what the mask names and nothing else', async () => {
    const before = await newLamp();
    const { product } = await update(
      { id: before.id, etag: before.etag, name: ' Lantern ', description: 'Bright', price: euro(1) },
      'name',
      'price',
    );
    expect(product).toMatchObject({
      name: 'Lantern',
      description: '',
      price: euro(1),
      createTime: before.createTime,
    });
    expect(product?.etag).not.toBe(before.etag);
    expect((await anonymous.products.getProduct({ productId: before.id })).product).toEqual(product);
    // The list by name follows.
    const { products } = await anonymous.products.listProducts({ query: 'lantern' });
    expect(products.map(({ id }) => id)).toContain(before.id);
  });

  test('with a stale etag is ABORTED, with none it always changes', async () => {
    const { id, etag } = await newLamp();
    await update({ id, etag, name: 'A' }, 'name');
    expect(await failure(update({ id, etag, name: 'B' }, 'name'))).toMatchObject({ code: 'Aborted' });
    expect((await update({ id, name: 'C' }, 'name')).product?.name).toBe('C');
  });

  test('of one etag at once succeeds once', async () => {
    const { id, etag } = await newLamp();
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => update({ id, etag, name: `Lamp ${index}` }, 'name')),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('the stock leaves the etag as it is', async () => {
    const { id, etag } = await newLamp();
    await putIn(admin, id, 5);
    const { product } = await anonymous.products.getProduct({ productId: id });
    expect(product).toMatchObject({ etag, available: 5n });
  });

  test('refuses unknown fields, a blank name, no price, unknown and deleted products', async () => {
    const { id } = await newLamp();
    const invalid = { code: 'InvalidArgument' };
    for (const path of ['id', 'available', 'price.minor_units', 'etag', '*', '']) {
      const refused = { ...invalid, fields: ['update_mask.paths[1]'] };
      expect(await failure(update({ id, name: 'X' }, 'name', path))).toMatchObject(refused);
    }
    expect(await failure(update({ id, name: '  ' }, 'name'))).toMatchObject({
      ...invalid,
      fields: ['product.name'],
    });
    expect(await failure(update({ id }, 'price'))).toMatchObject({ ...invalid, fields: ['product.price'] });
    expect(await failure(update({ id }))).toMatchObject(invalid);
    expect(await failure(update({ name: 'X' }, 'name'))).toMatchObject(invalid);
    const unknown = { code: 'NotFound', reason: 'PRODUCT_NOT_FOUND' };
    expect(await failure(update({ id: uuidv7(), name: 'X' }, 'name'))).toMatchObject(unknown);
    await admin.products.deleteProduct({ productId: id });
    expect(await failure(update({ id, name: 'X' }, 'name'))).toMatchObject(unknown);
  });
});

describe('DeleteProduct', () => {
  test('takes it out of every read, may be repeated, and tells an unknown one', async () => {
    const { id: productId, etag } = await newLamp();
    expect(await failure(admin.products.deleteProduct({ productId, etag: '"x"' }))).toMatchObject({
      code: 'Aborted',
    });
    await admin.products.deleteProduct({ productId, etag });
    await admin.products.deleteProduct({ productId, etag });
    const unknown = { code: 'NotFound', reason: 'PRODUCT_NOT_FOUND' };
    expect(await failure(anonymous.products.getProduct({ productId }))).toMatchObject(unknown);
    const { missingIds } = await anonymous.products.batchGetProducts({ productIds: [productId] });
    expect(missingIds).toEqual([productId]);
    const { products } = await anonymous.products.listProducts({ pageSize: 100 });
    expect(products.map(({ id }) => id)).not.toContain(productId);
    expect(await failure(admin.products.deleteProduct({ productId: uuidv7() }))).toMatchObject(unknown);
  });
});

describe('reads', () => {
  test('of single products at once each get their own, or NOT_FOUND', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => newProduct(admin, 0, `Lamp ${index}`)),
    );
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const productId = ids[index % 25] ?? uuidv7();
        const answer = anonymous.products.getProduct({
          productId: index % 2 ? productId : productId.toUpperCase(),
        });
        return ids[index % 25] ? (await answer).product : failure(answer);
      }),
    );
    answers.forEach((answer, index) => {
      const expected = ids[index % 25];
      expect(answer).toMatchObject(
        expected ? { id: expected, name: `Lamp ${index % 25}` } : { code: 'NotFound' },
      );
    });
  });

  test('of many products answer in the order asked, and tell which are missing', async () => {
    const [a, b, c] = [await newProduct(admin), await newProduct(admin), await newProduct(admin)];
    const [x, y] = [uuidv7(), uuidv7()];
    const answer = await anonymous.products.batchGetProducts({ productIds: [y, c, a.toUpperCase(), x, b] });
    expect(answer.products.map(({ id }) => id)).toEqual([c, a, b]);
    expect(answer.missingIds).toEqual([y, x]);
    for (const productIds of [[], [a, a], ['nonsense'], Array.from({ length: 101 }, uuidv7)]) {
      expect(await failure(anonymous.products.batchGetProducts({ productIds }))).toMatchObject({
        code: 'InvalidArgument',
      });
    }
  });
});

test('only admins change the catalogue, and only the order service moves stock for orders', async () => {
  const { id } = await newLamp();
  const branches = [{ branch: { transactionId: randomUUID(), branchId: 'stock' } }];
  expect(await failure(anonymous.products.deleteProduct({ productId: id }))).toMatchObject({
    code: 'Unauthenticated',
  });
  expect(await failure(anonymous.stock.getStock({ productId: id }))).toMatchObject({
    code: 'Unauthenticated',
  });
  for (const caller of [customer, order]) {
    expect(await failure(caller.products.deleteProduct({ productId: id }))).toMatchObject({
      code: 'PermissionDenied',
    });
    expect(await failure(putIn(caller, id, 1))).toMatchObject({ code: 'PermissionDenied' });
  }
  for (const caller of [customer, admin])
    expect(await failure(caller.stock.take({ branches }))).toMatchObject({ code: 'PermissionDenied' });
});
