import { historyOf } from '../broker/message-codec.ts';
import type { Breaker } from './breaker.ts';
import { deliver, type DeliveryEngine } from './deliver.ts';
import type { Deliveries } from './deliveries.ts';
import { errorOf } from './outcome.ts';
import type { Settlement } from './settlement.ts';
import type { Delivery } from './supervised-consumer.ts';

export interface HandleOneParts {
  engine: DeliveryEngine;
  breaker: Breaker;
  settlement: Settlement;
  deliveries: Deliveries;
}

/** Has one message handled, does with it on the broker what the outcome says, and tells how it ended. */
export async function handleOne(
  { engine, breaker, settlement, deliveries }: HandleOneParts,
  delivery: Delivery,
): Promise<void> {
  const started = performance.now();
  const history = historyOf(delivery.message);
  const outcome = await breaker.run(
    () => delivery.live,
    () => deliver(engine, delivery.message, history),
  );
  const name = outcome ? await settlement.settle(delivery, history, outcome) : settlement.giveBack(delivery);
  const seconds = (performance.now() - started) / 1_000;
  deliveries.settled(engine.consumer.queue, delivery.message, name, seconds, errorOf(outcome));
}
