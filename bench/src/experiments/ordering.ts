import { cpuSecondsOf } from '../cpu-time.ts';
import type { Lab } from '../lab.ts';
import type { Experiment } from '../measure.ts';
import { OrderSurroundings, SCHEMA } from '../order-service.ts';
import type { Program } from '../program.ts';
import type { OrderingMethods } from '../programs/ordering.ts';
import { rounded } from '../statistics.ts';

const REPLICAS: Readonly<Record<string, number>> = { 'one-replica': 1, 'two-replicas': 2 };
const PRODUCTS = 1_000;
const PIECES = 1_000_000;

/** From the command to the confirmed order, through the real order-service, its payment and all. */
export const ordering: Experiment = {
  name: 'Ordering',
  contenders: Object.keys(REPLICAS),

  async open(lab, contenders) {
    const orders = lab.size(1_000, 200);
    const shops = new Map<string, Shop>();
    for (const contender of contenders) {
      shops.set(contender, await Shop.open(lab, contender, REPLICAS[contender]!));
    }
    return {
      turn: (contender, purpose) => shops.get(contender)!.turn(purpose === 'warm-up' ? orders / 4 : orders),
      close: () => Promise.resolve(),
    };
  },
};

class Shop {
  readonly #lab: Lab;
  readonly #label: string;
  readonly #surroundings: OrderSurroundings;
  readonly #client: Program<OrderingMethods>;
  readonly #replicas: readonly number[];
  #confirmed = 0;

  private constructor(
    lab: Lab,
    label: string,
    surroundings: OrderSurroundings,
    client: Program<OrderingMethods>,
    replicas: readonly number[],
  ) {
    this.#lab = lab;
    this.#label = label;
    this.#surroundings = surroundings;
    this.#client = client;
    this.#replicas = replicas;
  }

  static async open(lab: Lab, label: string, replicas: number): Promise<Shop> {
    const surroundings = await OrderSurroundings.open(lab, label);
    const pids: number[] = [];
    for (let n = 0; n < replicas; n += 1) pids.push((await surroundings.startReplica(lab)).pid);
    const skus = await lab.onDatabase(surroundings.databaseUrl, async (client) => {
      const { rows } = await client.query<{ sku: string }>(
        `WITH product AS (
           INSERT INTO ${SCHEMA}.products (sku, name, unit_price, currency)
           SELECT 'BENCH-' || n, 'Product ' || n, 100 + n, 'EUR' FROM generate_series(1, $1::int) AS n RETURNING sku
         )
         INSERT INTO ${SCHEMA}.stock (sku, available) SELECT sku, $2 FROM product RETURNING sku`,
        [PRODUCTS, PIECES],
      );
      return rows.map(({ sku }) => sku);
    });
    const client = lab.start<OrderingMethods>({ name: 'ordering', label });
    await client.call('open', { amqpUrl: surroundings.amqpUrl, skus });
    return new Shop(lab, label, surroundings, client, pids);
  }

  /** Places orders while the provider keeps its answers back, lets it answer; then takes as many all the way. */
  async turn(orders: number): Promise<{ placed: number; confirmed: number }> {
    const { provider } = this.#surroundings;
    await this.#lab.settle();
    await provider.call('hold', undefined);
    const placing = await this.#client.call('place', { orders });
    await provider.call('release', undefined);
    await this.#client.call('confirm', undefined);
    await this.#check(orders);

    await this.#lab.settle();
    const before = await this.#cpuSeconds();
    const { confirmed } = await this.#client.call('order', { orders });
    const after = await this.#cpuSeconds();
    await this.#check(orders);
    if (before && after) this.#lab.report(cpuLine(this.#label, before, after, orders, confirmed));
    return { placed: orders / placing, confirmed: orders / confirmed };
  }

  #cpuSeconds() {
    return cpuSecondsOf({
      'order-service': this.#replicas,
      PostgreSQL: [this.#lab.pids.postgres],
      RabbitMQ: [this.#lab.pids.rabbitmq],
      provider: [this.#surroundings.provider.pid],
      client: [this.#client.pid],
    });
  }

  /** @throws unless all orders are confirmed, paid once, and what they hold is what is missing from the shelf */
  async #check(orders: number): Promise<void> {
    this.#confirmed += orders;
    const asked = await this.#surroundings.provider.call('asked', undefined);
    if (asked.payments !== orders) {
      throw new Error(`payments of ${asked.payments} orders were asked for, not of ${orders}`);
    }
    const { rows } = await this.#lab.onDatabase(this.#surroundings.databaseUrl, (client) =>
      client.query<Record<'confirmed' | 'others' | 'tokens' | 'deadlines' | 'wrong', number>>(
        `SELECT count(*) FILTER (WHERE status = 'confirmed' AND version = 3)::int AS confirmed,
                count(*) FILTER (WHERE status <> 'confirmed' OR version <> 3)::int AS others,
                (SELECT count(*)::int FROM ${SCHEMA}.payment_tokens) AS tokens,
                (SELECT count(*)::int FROM ${SCHEMA}.scheduled_messages) AS deadlines,
                (SELECT count(*)::int FROM ${SCHEMA}.stock
                   LEFT JOIN (SELECT sku, sum(quantity) AS pieces FROM ${SCHEMA}.order_lines GROUP BY sku) AS held
                       USING (sku)
                  WHERE sku LIKE 'BENCH-%' AND available + coalesce(pieces, 0) <> $1) AS wrong
           FROM ${SCHEMA}.orders`,
        [PIECES],
      ),
    );
    const { confirmed, others, tokens, deadlines, wrong } = rows[0]!;
    if (confirmed !== this.#confirmed || others + tokens + deadlines + wrong > 0) {
      throw new Error(
        `of ${this.#confirmed} orders ${confirmed} are confirmed and ${others} are not; left over are ${tokens} ` +
          `payment tokens and ${deadlines} deadlines; the stock of ${wrong} products is wrong`,
      );
    }
  }
}

/** Where the CPU goes: milliseconds for each order, and cores in use. */
function cpuLine(
  label: string,
  before: Record<string, number>,
  after: Record<string, number>,
  orders: number,
  seconds: number,
): string {
  const used = Object.entries(after).map(([name, total]) => [name, total - before[name]!] as const);
  const cores = used.reduce((sum, [, cpu]) => sum + cpu, 0) / seconds;
  const shares = used.map(([name, cpu]) => `${name} ${rounded((cpu / orders) * 1_000)}`);
  return `  CPU of ${label}, ms an order: ${shares.join(', ')}; ${rounded(cores)} cores in use`;
}
