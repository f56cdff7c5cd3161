import { Controller } from '@nestjs/common';
import { DefineEvent, Describe, Nested, parseSequence } from '@warren/contracts';
import { captureMessages, eventually } from '@warren/testing';
import { IsIn, IsInt, IsString, Min } from 'class-validator';
import type { EntityManager } from 'typeorm';
import type { MessageContext } from '../message-context.ts';
import { HandleMessage } from '../message-handler.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { defineTopology } from '../topology.ts';
import { TestBench, type TestService } from './test-service.ts';

// How a contract changes in a way that breaks its consumers: docs/contracts.md, "Two versions".

@DefineEvent<BasketWeighedV1>({
  type: 'basket.weighed.v1',
  exchange: 'baskets.events',
  publishedBy: 'basket-service',
  description: 'A basket was weighed. Replaced by basket.weighed.v2.',
  example: { basketId: 'b-1', grams: 1200 },
})
class BasketWeighedV1 {
  @IsString()
  @Describe('Id of the basket.')
  basketId!: string;

  @IsInt()
  @Min(0)
  @Describe('Weight with the basket.', { unit: 'grams' })
  grams!: number;
}

class Weight {
  @IsInt()
  @Min(0)
  @Describe('How much, in the unit beside it.', { unit: 'that of the field unit' })
  value!: number;

  @IsIn(['mg', 'g'])
  @Describe('Unit of the value.')
  unit!: 'mg' | 'g';
}

@DefineEvent<BasketWeighedV2>({
  type: 'basket.weighed.v2',
  exchange: 'baskets.events',
  publishedBy: 'basket-service',
  description: 'A basket was weighed.',
  example: { basketId: 'b-1', weight: { value: 1_200_000, unit: 'mg' } },
})
class BasketWeighedV2 {
  @IsString()
  @Describe('Id of the basket.')
  basketId!: string;

  @Nested(() => Weight)
  @Describe('Weight with the basket.')
  weight!: Weight;
}

/** While v1 has readers: one fact in both versions, in one transaction, under one number. */
async function announce(
  tx: EntityManager,
  outbox: Outbox,
  weighing: { basketId: string; grams: number; sequence: number },
): Promise<void> {
  const { basketId, grams, sequence } = weighing;
  const fact = { subject: basketId, sequence };
  await outbox.append(tx, BasketWeighedV2, {
    ...fact,
    data: { basketId, weight: { value: grams, unit: 'g' } },
  });
  await outbox.append(tx, BasketWeighedV1, { ...fact, data: { basketId, grams } });
}

/** The two messages of a fact have ids of their own: what they have in common is subject and number. */
async function recordOnce({ tx, envelope }: MessageContext): Promise<void> {
  await tx.query(
    'INSERT INTO effects (parcel_id, step) VALUES ($1, $2) ON CONFLICT (parcel_id, step) DO NOTHING',
    [envelope.subject, parseSequence(envelope.sequence)],
  );
}

@Controller()
class ReadV1 {
  @HandleMessage(BasketWeighedV1)
  weighed(_basket: BasketWeighedV1, context: MessageContext): Promise<void> {
    return recordOnce(context);
  }
}

@Controller()
class ReadV2 {
  @HandleMessage(BasketWeighedV2)
  weighed(_basket: BasketWeighedV2, context: MessageContext): Promise<void> {
    return recordOnce(context);
  }
}

const publisher = defineTopology({
  service: 'basket-service',
  exchanges: ['baskets.events'],
  publishes: [BasketWeighedV1, BasketWeighedV2],
});
const V1_QUEUE = { queue: 'baskets', handles: [BasketWeighedV1], concurrency: 4 };
// A queue of its own: the replicas that know v1 alone would give what they do not know to the dead letters.
const V2_QUEUE = { queue: 'baskets-v2', handles: [BasketWeighedV2], concurrency: 4 };

const bench = new TestBench();
beforeEach(() => bench.open());
afterEach(() => bench.close());

async function startReader(
  service: string,
  consumes: (typeof V1_QUEUE | typeof V2_QUEUE)[],
  controllers: (typeof ReadV1 | typeof ReadV2)[],
): Promise<TestService> {
  const reader = await bench.start({ topology: defineTopology({ service, consumes }), controllers });
  await reader.dataSource.query(
    'CREATE UNIQUE INDEX IF NOT EXISTS one_effect_a_fact ON effects (parcel_id, step)',
  );
  return reader;
}

const weigh = (service: TestService, basketId: string, sequence: number) =>
  service.dataSource.transaction((tx) =>
    announce(tx, service.outbox, { basketId, grams: 100 * sequence, sequence }),
  );

const expectEffects = (service: TestService, count: number) =>
  eventually(async () => {
    expect((await service.effects()).map(({ step }) => step).sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, n) => n + 1),
    );
  });

describe('two versions of a contract beside each other', () => {
  it('tell the same fact under the same number, each to those who asked for it', async () => {
    const service = await bench.start({ topology: publisher });
    const old = await startReader('old-service', [V1_QUEUE], [ReadV1]);
    const modern = await startReader('modern-service', [V2_QUEUE], [ReadV2]);
    const messages = bench.use(await captureMessages(bench.broker.url, 'baskets.events', '#'));
    await weigh(service, 'b-1', 1);
    await eventually(() => expect(messages.all).toHaveLength(2));
    expect(messages.all.map((message) => message.json()).sort(byType)).toMatchObject([
      { type: 'basket.weighed.v1', subject: 'b-1', sequence: '0000000001', data: { grams: 100 } },
      { type: 'basket.weighed.v2', subject: 'b-1', sequence: '0000000001', data: { weight: { value: 100 } } },
    ]);
    await expectEffects(old, 1);
    await expectEffects(modern, 1);
  });

  it('have one effect in a consumer that moves from the first to the second, and loses nothing on the way', async () => {
    const service = await bench.start({ topology: publisher });
    const before = await startReader('till-service', [V1_QUEUE], [ReadV1]);
    await weigh(service, 'b-1', 1);
    await expectEffects(before, 1);

    // While it is deployed, replicas of before and after work side by side on one database.
    const after = await startReader('till-service', [V1_QUEUE, V2_QUEUE], [ReadV1, ReadV2]);
    for (const sequence of [2, 3, 4, 5]) await weigh(service, 'b-1', sequence);
    // Five of v1, and four of v2, whose queue came later: all were handled, none is dead.
    await eventually(async () => {
      const [{ count }] = await after.dataSource.query<[{ count: number }]>(
        'SELECT count(*)::int FROM inbox',
      );
      expect(count).toBe(9);
    });
    await expectEffects(after, 5);
    await before.stop();
    await after.stop();

    // Nobody needs v1 any more: its queue goes from the topology.
    const last = await startReader('till-service', [V2_QUEUE], [ReadV2]);
    await weigh(service, 'b-1', 6);
    await expectEffects(last, 6);
  });
});

const byType = (one: unknown, other: unknown): number =>
  (one as { type: string }).type.localeCompare((other as { type: string }).type);
