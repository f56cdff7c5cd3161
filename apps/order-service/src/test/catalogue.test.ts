import { ListProductsV1, ProductListV1 } from '@warren/contracts';
import { OrderServiceRig } from './order-service-rig.ts';

describe('the catalogue', () => {
  let rig: OrderServiceRig;

  beforeAll(async () => {
    rig = await OrderServiceRig.start();
  });

  afterAll(() => rig.stop());

  const list = (limit: number) =>
    rig.requests().ask(ListProductsV1, { limit }, { reply: ProductListV1, timeoutMs: 10_000 });

  it('is seeded with plenty of products and one that is sold out', async () => {
    const { items } = await list(1000);
    const plentiful = items.filter(({ available }) => available >= 10_000);
    expect(plentiful.length).toBeGreaterThanOrEqual(20);
    expect(plentiful).toContainEqual({
      sku: 'SKU-TEAPOT',
      name: 'Teapot, stoneware, 1.2 l',
      unitPrice: { amount: 2450, currency: 'EUR' },
      available: 50_000,
    });
    expect(items.filter(({ available }) => available === 0).map(({ sku }) => sku)).toEqual(['SKU-SOLD-OUT']);
  });

  it('is listed in the order of the SKUs and no longer than asked for', async () => {
    const { items } = await list(1000);
    const skus = items.map(({ sku }) => sku);
    expect(skus).toEqual(skus.toSorted());
    expect((await list(3)).items).toEqual(items.slice(0, 3));
  });

  it('can not hold less than nothing of a product', async () => {
    await expect(
      rig.database.query(`UPDATE order_service.stock SET available = -1 WHERE sku = 'SKU-TEAPOT'`),
    ).rejects.toThrow(/check constraint/);
  });

  it('can not hold a price with which the total of an order could become inexact', async () => {
    await expect(
      rig.database.query(`UPDATE order_service.products SET unit_price = 900000001 WHERE sku = 'SKU-TEAPOT'`),
    ).rejects.toThrow(/check constraint/);
  });
});
