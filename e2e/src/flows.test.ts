import { createHash } from 'node:crypto';
import { eventually } from '@warren/testing';
import sharp from 'sharp';
import { SystemUnderTest } from './system-under-test.ts';

let sut: SystemUnderTest;
beforeAll(async () => {
  sut = await SystemUnderTest.start();
}, 120_000);
afterAll(() => sut.stop());

describe('the flows of the system', () => {
  it('sign-up: an account at once, and one welcome mail', async () => {
    const customer = await sut.api.newCustomer('Grace Hopper');
    await eventually(async () => expect(await sut.inbox.to(customer.email)).toHaveLength(1));
    const [mail] = await sut.inbox.to(customer.email);
    expect(mail!.subject).toMatch(/welcome/i);
    expect(mail!.text).toContain('Grace Hopper');
  });

  it('catalogue: at least 20 products of at least 10,000 pieces, and one that is sold out', async () => {
    const customer = await sut.api.newCustomer();
    const { items } = await sut.api.products(customer);
    const plentiful = items.filter(({ available }) => available >= 10_000 - 1_000);
    expect(plentiful.length).toBeGreaterThanOrEqual(20);
    expect(items.find(({ sku }) => sku === 'SKU-SOLD-OUT')).toMatchObject({ available: 0 });
  });

  it('order: accepted at once, then placed and confirmed, with its stock taken, its history complete and its mail sent', async () => {
    const customer = await sut.api.newCustomer();
    const before = (await sut.api.products(customer)).items.find(({ sku }) => sku === 'SKU-TEAPOT')!;
    const id = await customer.placeOrder([{ sku: 'SKU-TEAPOT', quantity: 3 }]);
    expect(['accepted', 'placed', 'awaiting-payment', 'confirmed']).toContain(
      (await customer.order(id)).status,
    );
    const order = await eventually(async () => {
      const view = await customer.order(id);
      expect(view.status).toBe('confirmed');
      return view;
    });
    expect(order).toMatchObject({
      id,
      version: 3,
      total: { amount: before.unitPrice.amount * 3, currency: before.unitPrice.currency },
      lines: [{ sku: 'SKU-TEAPOT', quantity: 3, unitPrice: before.unitPrice }],
    });
    const types = order.history.map(({ type }) => type);
    expect(types).toEqual([
      'order.accepted',
      'order.placed.v1',
      'order.payment-requested.v1',
      'order.confirmed.v1',
    ]);
    const after = (await sut.api.products(customer)).items.find(({ sku }) => sku === 'SKU-TEAPOT')!;
    expect(after.available).toBe(before.available - 3);
    await eventually(async () => {
      const mails = await sut.inbox.to(customer.email);
      expect(mails.filter(({ text }) => text?.includes(id))).toHaveLength(1);
    });
  });

  it.each([
    ['of too little stock', 'SKU-SOLD-OUT', 'insufficient-stock'],
    ['of an unknown SKU', 'SKU-NO-SUCH-THING', 'unknown-sku'],
  ])('order: rejected because %s, and its customer told', async (_why, sku, reason) => {
    const customer = await sut.api.newCustomer();
    const id = await customer.placeOrder([
      { sku: 'SKU-TEAPOT', quantity: 1 },
      { sku, quantity: 1 },
    ]);
    await eventually(async () =>
      expect(await customer.order(id)).toMatchObject({ status: 'rejected', reason }),
    );
    await eventually(async () => {
      const mails = await sut.inbox.to(customer.email);
      expect(mails.filter(({ text }) => text?.includes(id))).toHaveLength(1);
    });
  });

  it('file: an image is stored, hashed, recognised by its bytes, and gets a thumbnail and a mail', async () => {
    const customer = await sut.api.newCustomer();
    const bytes = await sharp({ create: { width: 900, height: 600, channels: 3, background: '#3478f6' } })
      .jpeg()
      .toBuffer();
    const id = await customer.upload('not-an-image.txt', bytes);
    const file = await eventually(async () => {
      const view = await customer.file(id);
      expect(view.status).toBe('processed');
      return view;
    });
    expect(file).toMatchObject({
      name: 'not-an-image.txt',
      size: bytes.length,
      mediaType: 'image/jpeg',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      result: { width: 900, height: 600 },
    });
    const content = await sut.api.call('GET', `/v1/files/${id}/content`, { headers: customer.headers });
    expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true);
    const [thumbnail] = file.derivatives;
    const derivative = await sut.api.call('GET', `/v1/files/${id}/derivatives/${thumbnail!.name}`, {
      headers: customer.headers,
    });
    expect(await sharp(Buffer.from(await derivative.arrayBuffer())).metadata()).toMatchObject({ width: 320 });
    await eventually(async () => {
      const mails = await sut.inbox.to(customer.email);
      expect(mails.filter(({ text }) => text?.includes(id))).toHaveLength(1);
    });
  });

  it('file: the data rows of a CSV file are counted', async () => {
    const customer = await sut.api.newCustomer();
    const id = await customer.upload(
      'table.csv',
      Buffer.from('name,city\nAda,London\n"Grace, H.",New York\n'),
    );
    await eventually(async () =>
      expect(await customer.file(id)).toMatchObject({
        status: 'processed',
        mediaType: 'text/csv',
        result: { rows: 2 },
      }),
    );
  });

  it('file: what claims to be an image and is not readable is rejected with a reason', async () => {
    const customer = await sut.api.newCustomer();
    const whole = await sharp({
      create: {
        width: 400,
        height: 400,
        channels: 3,
        background: '#fff',
        noise: { type: 'gaussian', mean: 128, sigma: 40 },
      },
    })
      .png()
      .toBuffer();
    const id = await customer.upload('broken.png', whole.subarray(0, whole.length / 4));
    await eventually(async () =>
      expect(await customer.file(id)).toMatchObject({ status: 'rejected', reason: 'unreadable-image' }),
    );
  });
});
