import { contractOf, OrderPlacedV1 } from '@warren/contracts';
import { eventually } from '@warren/testing';
import { v7 as uuidv7 } from 'uuid';
import { GatewayUnderTest, type Answer, type SignedUpUser } from './gateway-under-test.ts';
import { startOrderServiceStandIn } from './order-service-stand-in.ts';

let gateway: GatewayUnderTest;
let orderService: Awaited<ReturnType<typeof startOrderServiceStandIn>>;
let ada: SignedUpUser;

beforeAll(async () => {
  gateway = await GatewayUnderTest.start();
  orderService = await startOrderServiceStandIn(gateway);
  ada = await gateway.signUp();
});

afterAll(async () => {
  await orderService?.stop();
  await gateway?.stop();
});

interface Happening {
  type: string;
  version: number;
  /** The status that it brings, if it is more than a number. */
  status?: string;
  change: Record<string, unknown>;
}

const { lines, total } = contractOf(OrderPlacedV1).example as { lines: unknown; total: unknown };

const placed: Happening = {
  type: 'order.placed.v1',
  version: 1,
  status: 'placed',
  change: { placedAt: '2026-01-15T09:00:01.000Z' },
};
const paymentRequested: Happening = {
  type: 'order.payment-requested.v1',
  version: 2,
  status: 'awaiting-payment',
  change: { requestedAt: '2026-01-15T09:00:02.000Z' },
};
const confirmed: Happening = {
  type: 'order.confirmed.v1',
  version: 3,
  status: 'confirmed',
  change: { confirmedAt: '2026-01-15T09:00:03.000Z' },
};
const cancellationRefused: Happening = {
  type: 'order.cancellation-refused.v1',
  version: 4,
  change: { refusedAt: '2026-01-15T09:00:04.000Z' },
};
const cancelled: Happening = {
  type: 'order.cancelled.v1',
  version: 3,
  status: 'cancelled',
  change: { cancelledAt: '2026-01-15T09:00:03.000Z', reason: 'customer' },
};
const paymentRefunded: Happening = {
  type: 'order.payment-refunded.v1',
  version: 4,
  change: { refundedAt: '2026-01-15T09:00:04.000Z' },
};

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

const view = (id: string): Promise<Answer> => gateway.call('GET', `/v1/orders/${id}`, { token: ada.token });

const atOf = ({ change }: Happening): unknown =>
  Object.values(change).find((value) => String(value).startsWith('2026'));

const publish = (id: string, { type, version, change }: Happening): Promise<void> =>
  gateway.publishEvent(type, id, version, { ...change, orderId: id, customerId: ada.id });

/** Waits until the gateway has handled so many events of each of these orders. */
const handled = (ids: readonly string[], events: number): Promise<void> =>
  eventually(async () => {
    const rows = await gateway.database.query<{ events: number }>(
      `SELECT count(*)::int AS events FROM gateway.order_history WHERE order_id = ANY ($1) AND version > 0
        GROUP BY order_id`,
      [ids],
    );
    expect(rows).toEqual(ids.map(() => ({ events })));
  });

/** The order was accepted, and its cancellation requested, at times that lie between those of the events. */
async function accept(requestedAt?: string): Promise<string> {
  const id = await gateway.order(ada.token);
  const note = (at: string, type: string) =>
    gateway.database.query(
      `INSERT INTO gateway.order_history (order_id, version, type, at) VALUES ($1, 0, $3, $2)
       ON CONFLICT (order_id, version, type) DO UPDATE SET at = excluded.at`,
      [id, at, type],
    );
  await note('2026-01-15T09:00:00.000Z', 'order.accepted');
  if (requestedAt !== undefined) await note(requestedAt, 'order.cancellation-requested');
  return id;
}

/** Makes an order for each permutation, has it hear of the events in that order, and returns the views at the end. */
async function viewsOfPermutations(
  happenings: readonly Happening[],
  start: () => Promise<string>,
  check: (known: readonly Happening[], answer: Answer) => void,
): Promise<any[]> {
  const orders = await Promise.all(
    permutations(happenings).map(async (arrival) => ({ id: await start(), arrival })),
  );
  const ids = orders.map(({ id }) => id);
  const etags = new Map<string, (string | null)[]>(ids.map((id) => [id, []]));
  for (let step = 1; step <= happenings.length; step += 1) {
    await Promise.all(orders.map(({ id, arrival }) => publish(id, arrival[step - 1]!)));
    await handled(ids, step);
    for (const { id, arrival } of orders) {
      const answer = await view(id);
      check(arrival.slice(0, step), answer);
      if (answer.status === 200) etags.get(id)!.push(answer.headers.get('etag'));
    }
  }
  for (const seen of etags.values()) expect(new Set(seen).size).toBe(seen.length);

  // An event that comes again, as another message, changes nothing.
  const before = await gateway.count('inbox');
  await Promise.all(orders.map(({ id, arrival }) => publish(id, arrival[0]!)));
  await eventually(async () => expect(await gateway.count('inbox')).toBe(before + orders.length));
  const answers = await Promise.all(ids.map(view));
  expect(answers.map(({ headers }) => headers.get('etag'))).toEqual(ids.map((id) => etags.get(id)!.at(-1)));
  return answers.map(({ body: { id: _id, ...body } }) => body);
}

const latestState = (known: readonly Happening[]): string | undefined =>
  known.filter(({ status }) => status !== undefined).toSorted((a, b) => b.version - a.version)[0]?.status;

const neverBackwards = (known: readonly Happening[], { body }: Answer): void => {
  expect(body.status).toBe(latestState(known) ?? 'accepted');
  expect(body.version).toBe(Math.max(...known.map(({ version }) => version)));
  expect(
    body.history.filter(({ type }: Happening) => type.endsWith('.v1')).map(({ type }: Happening) => type),
  ).toEqual(known.toSorted((a, b) => a.version - b.version).map(({ type }) => type));
};

describe('an order whose events come in any order', () => {
  it('is cancelled and refunded in the end', async () => {
    const events = [placed, paymentRequested, cancelled, paymentRefunded];
    const views = await viewsOfPermutations(events, () => accept('2026-01-15T09:00:02.500Z'), neverBackwards);
    expect(views).toHaveLength(24);
    const expected = {
      status: 'cancelled',
      reason: 'customer',
      cancellation: null,
      lines,
      total,
      version: 4,
      history: [
        { type: 'order.accepted', at: '2026-01-15T09:00:00.000Z' },
        { type: 'order.placed.v1', at: atOf(placed) },
        { type: 'order.payment-requested.v1', at: atOf(paymentRequested) },
        { type: 'order.cancellation-requested', at: '2026-01-15T09:00:02.500Z' },
        { type: 'order.cancelled.v1', at: atOf(cancelled) },
        { type: 'order.payment-refunded.v1', at: atOf(paymentRefunded) },
      ],
    };
    for (const each of views) expect(each).toEqual(expected);
  });

  it('is confirmed in the end, and its cancellation refused', async () => {
    const events = [placed, paymentRequested, confirmed, cancellationRefused];
    const views = await viewsOfPermutations(
      events,
      () => accept('2026-01-15T09:00:03.000Z'),
      (known, answer) => {
        neverBackwards(known, answer);
        expect(answer.body.cancellation.status).toBe(
          known.includes(cancellationRefused) ? 'refused' : 'requested',
        );
      },
    );
    expect(views).toHaveLength(24);
    const expected = {
      status: 'confirmed',
      cancellation: { status: 'refused', reason: 'already-confirmed', refusedAt: atOf(cancellationRefused) },
      lines,
      total,
      version: 4,
      history: [
        { type: 'order.accepted', at: '2026-01-15T09:00:00.000Z' },
        { type: 'order.placed.v1', at: atOf(placed) },
        { type: 'order.payment-requested.v1', at: atOf(paymentRequested) },
        { type: 'order.confirmed.v1', at: atOf(confirmed) },
        { type: 'order.cancellation-requested', at: '2026-01-15T09:00:03.000Z' },
        { type: 'order.cancellation-refused.v1', at: atOf(cancellationRefused) },
      ],
    };
    for (const each of views) expect(each).toEqual(expected);
  });

  it('is the same when the gateway has not accepted it, and is not seen before its state is known', async () => {
    const events = [placed, cancelled, paymentRefunded];
    const views = await viewsOfPermutations(
      events.map((each, index) => ({ ...each, version: index + 1 })),
      () => Promise.resolve(uuidv7()),
      (known, answer) => {
        if (latestState(known) === undefined) expect(answer.status).toBe(404);
        else neverBackwards(known, answer);
      },
    );
    expect(views).toHaveLength(6);
    for (const each of views) {
      expect(each).toMatchObject({ status: 'cancelled', reason: 'customer', lines, total, version: 3 });
      expect(each).toEqual(views[0]);
    }
  });

  it.each([
    ['payment-declined', 'cancelled'],
    ['payment-expired', 'cancelled'],
  ])('tells why: %s', async (reason, status) => {
    const id = await accept();
    await publish(id, placed);
    await publish(id, { ...cancelled, change: { ...cancelled.change, reason } });
    await eventually(async () =>
      expect((await view(id)).body).toMatchObject({ status, reason, cancellation: null }),
    );
  });
});
