import { captureMessages, eventually, type CapturedMessages } from '@warren/testing';
import type { Customer, Order } from '@warren/tools/clients/api-client.ts';
import { PaymentSandboxClient, type SandboxPayment } from '@warren/tools/clients/payment-sandbox-client.ts';
import type { SystemService } from '@warren/tools/system/system-service.ts';
import { SystemUnderTest } from './system-under-test.ts';

/** Five hundred for the long run: WARREN_CRASH_ORDERS=500 npm test -- e2e/src/order-crashes.test.ts */
const ORDERS = Number(process.env['WARREN_CRASH_ORDERS'] ?? 40);
/** How often each process is killed at each step. */
const KILLS = Math.max(1, Math.round(ORDERS / 170));
const PATIENCE = { timeoutMs: 240_000, intervalMs: 250 };

/** What is told at the end of each step; a kill at that moment meets the other orders in all the steps between. */
const STEPS = [
  'order.placed.v1',
  'order.payment-requested.v1',
  'order.confirmed.v1',
  'order.cancelled.v1',
  'order.payment-refunded.v1',
];
const FINAL = new Set(['confirmed', 'rejected', 'cancelled']);

/** What becomes of every tenth order, and the nine after it, if nothing dies. */
const KINDS = [
  'ok',
  'declined',
  'ok',
  'never',
  'ok',
  'slow',
  'declined',
  'cancelled',
  'never',
  'ok',
] as const;

/** Kills processes when the events come that it waits for, one process at a time and never one that is not up. */
class Killer {
  readonly kills: string[] = [];
  readonly #pending: { step: string; victim: SystemService }[];
  #seen = 0;
  #busy: Promise<void> | undefined;

  constructor(
    private readonly events: CapturedMessages,
    victims: readonly SystemService[],
  ) {
    this.#pending = Array.from({ length: KILLS }, () =>
      STEPS.flatMap((step) => victims.map((victim) => ({ step, victim }))),
    ).flat();
  }

  get left(): string[] {
    return this.#pending.map(({ step, victim }) => `${victim.name} at ${step}`);
  }

  /** Whether it waits for a step other than this last one. */
  leftBefore(last: string): boolean {
    return this.#pending.some(({ step }) => step !== last);
  }

  /** Looks at what has been told since, and waits until whoever it killed is back. */
  async look(): Promise<void> {
    for (; this.#seen < this.events.all.length; this.#seen++) {
      if (this.#busy) continue;
      const type = this.events.all[this.#seen]!.routingKey;
      const next = this.#pending.findIndex(({ step }) => step === type);
      if (next < 0) continue;
      const [{ step, victim }] = this.#pending.splice(next, 1) as [{ step: string; victim: SystemService }];
      this.#busy = this.#kill(victim).finally(() => (this.#busy = undefined));
      this.kills.push(`${victim.name} at ${step}`);
    }
    await this.#busy;
  }

  async #kill(victim: SystemService): Promise<void> {
    victim.kill('SIGKILL');
    await eventually(() => expect(() => victim.pid).toThrow('is not running'), PATIENCE);
    await victim.start();
  }
}

describe('order-service and the payment provider, killed at every step of many orders', () => {
  let sut: SystemUnderTest;
  let sandbox: PaymentSandboxClient;
  let events: CapturedMessages;
  let deadLetters: CapturedMessages;

  beforeAll(async () => {
    sut = await SystemUnderTest.start({
      serviceEnvironment: {
        'order-service': { WARREN_PAYMENT_DEADLINE: '20s' },
        'payment-sandbox': { WARREN_SANDBOX_SLOW_MS: '3000' },
      },
      // A supervisor waits longer after each end; here the next start follows at once.
      restart: false,
    });
    sandbox = new PaymentSandboxClient(sut.system.endpoints.paymentSandbox);
    events = await captureMessages(sut.system.endpoints.amqpAdmin, 'orders.events', '#');
    deadLetters = await captureMessages(sut.system.endpoints.amqpAdmin, 'order-service.dead-letter', '#');
  }, 180_000);

  afterAll(async () => {
    await Promise.all([events?.close(), deadLetters?.close()]);
    await sut?.stop();
  });

  async function stock(): Promise<number> {
    const [row] = await sut.sql<{ pieces: number }>(
      'SELECT sum(available)::int AS pieces FROM order_service.stock',
    );
    return row!.pieces;
  }

  it(
    'every order ends, and the sums of stock and payments agree',
    async () => {
      const customer = await sut.api.newCustomer();
      const before = await stock();
      const { 'order-service': orderService } = sut.system.services;
      const killer = new Killer(events, [orderService, sut.system.paymentSandbox]);

      const orders: { id: string; kind: (typeof KINDS)[number] }[] = [];
      const order = async (kind: (typeof KINDS)[number]) => {
        const lines = [
          { sku: 'SKU-TEACUP', quantity: 1 + (orders.length % 3) },
          { sku: 'SKU-KETTLE', quantity: 1 },
        ];
        const token = kind === 'cancelled' ? 'tok_slow' : `tok_${kind}`;
        const id = await customer.placeOrder(lines, undefined, token);
        if (kind === 'cancelled') await customer.cancelOrder(id);
        orders.push({ id, kind });
        return id;
      };
      for (let n = 0; n < ORDERS; n++) {
        await order(KINDS[n % KINDS.length]!);
        await killer.look();
      }
      // What was told while somebody was on its way back killed nobody. One more order at a time makes up for it.
      for (let n = 0; killer.leftBefore('order.payment-refunded.v1') && n < ORDERS; n++) {
        const id = await order(n % 2 ? 'declined' : 'ok');
        await eventually(async () => expect(FINAL).toContain((await customer.order(id)).status), PATIENCE);
        await killer.look();
      }
      for (const { id, kind } of orders) {
        if (kind === 'never') await approveWhenCancelled(customer, id);
        await killer.look();
      }
      const states = await eventually(async () => {
        await killer.look();
        const all = await Promise.all(orders.map(({ id }) => customer.order(id)));
        expect(all.filter(({ status }) => !FINAL.has(status))).toEqual([]);
        return all;
      }, PATIENCE);
      expect(killer.left).toEqual([]);
      expect(killer.kills).toHaveLength(KILLS * STEPS.length * 2);

      const confirmed = states.filter(({ status }) => status === 'confirmed');
      const pieces = confirmed.flatMap(({ lines }) => lines).reduce((sum, { quantity }) => sum + quantity, 0);
      expect(await stock()).toBe(before - pieces);
      await eventually(async () => {
        const paid = await Promise.all(orders.map(({ id }) => sandbox.paymentsOf(id)));
        const verdicts = states.map((order, n) => verdictOn(order, paid[n]!));
        expect(verdicts.filter((verdict) => verdict !== 'agrees')).toEqual([]);
      }, PATIENCE);
      for (const [n, { status, reason }] of states.entries()) {
        if (orders[n]!.kind === 'declined' || orders[n]!.kind === 'never') expect(status).toBe('cancelled');
        if (status === 'cancelled') expect(reason).toMatch(/^(payment-declined|payment-expired|customer)$/);
      }
      expect(versionsWithGaps()).toEqual([]);
      await expect(
        sut.sql(
          'SELECT 1 FROM order_service.payment_tokens UNION ALL SELECT 1 FROM order_service.scheduled_messages',
        ),
      ).resolves.toEqual([]);
      expect(deadLetters.all).toEqual([]);
    },
    30 * 60_000,
  );

  /** A payment that nobody hears of in time, and that is approved after all. */
  async function approveWhenCancelled(customer: Customer, id: string): Promise<void> {
    await eventually(async () => expect((await customer.order(id)).status).toBe('cancelled'), PATIENCE);
    const [payment] = await eventually(() => sandbox.paymentsOf(id), PATIENCE);
    if (!payment) return; // it could not even be asked for in time
    await eventually(async () => {
      const [{ status }] = (await sandbox.paymentsOf(id)) as [SandboxPayment];
      if (status === 'pending') await sandbox.decide(payment.id, 'approved');
    }, PATIENCE);
    await eventually(async () => {
      const { history } = await customer.order(id);
      expect(history.at(-1)!.type).toBe('order.payment-refunded.v1');
    }, PATIENCE);
  }

  /** Each order's versions as they were told: once, from one on, and in their order. */
  function versionsWithGaps(): object[] {
    const versions = new Map<string, number[]>();
    const ids = new Set<string>();
    for (const message of events.all) {
      const { id, subject, sequence } = message.json<{ id: string; subject: string; sequence: string }>();
      if (ids.has(id)) continue;
      ids.add(id);
      versions.set(subject, [...(versions.get(subject) ?? []), Number(sequence)]);
    }
    return [...versions]
      .filter(([, told]) => told.some((version, i) => version !== i + 1))
      .map(([subject, told]) => ({ subject, told }));
  }
});

function verdictOn({ id, status, total }: Order, payments: readonly SandboxPayment[]): string {
  const say = (what: string) => `order ${id} is ${status}: ${what}`;
  if (payments.length > 1) return say(`${payments.length} payments`);
  const [payment] = payments;
  if (status === 'confirmed') {
    if (payment?.status !== 'approved') return say(`its payment is ${payment?.status ?? 'missing'}`);
    if (payment.refunded.amount > 0) return say('its payment was refunded');
    return payment.amount.amount === total!.amount ? 'agrees' : say(`${payment.amount.amount} were paid`);
  }
  if (payment?.status !== 'approved') return 'agrees';
  return payment.refunded.amount === payment.amount.amount
    ? 'agrees'
    : say(`${payment.refunded.amount} of ${payment.amount.amount} were refunded`);
}
