import { Controller, Logger } from '@nestjs/common';
import { Recurring, type JobContext, type RecurringRun } from '@warren/messaging';
import { removeTombstones } from '../storage/order-store.ts';

/** In days. A command can be redriven for thirty; an order that comes later still is not stopped any more. */
const LIFETIME = 60;
/** Removed in one run, so that no transaction is large; the rest goes with the next ones. */
const AT_MOST = 10_000;

/** Forgets cancellations of orders that never came. */
@Controller()
export class RemoveTombstones {
  readonly #log = new Logger(RemoveTombstones.name);

  @Recurring({ name: 'orders.remove-tombstones', cron: '17 * * * *' })
  async remove(_run: RecurringRun, { tx }: JobContext): Promise<void> {
    const removed = await removeTombstones(tx, LIFETIME, AT_MOST);
    if (removed > 0) this.#log.log(`forgot ${removed} cancellations of orders that never came`);
  }
}
