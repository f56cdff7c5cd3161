import { Cron } from 'croner';
import { MiswiredService } from '../errors.ts';

/**
 * When something recurs: five fields (minute, hour, day of the month, month, day of the week) or six (with seconds
 * first), a time zone of the IANA database, and the changes of its clocks as Vixie cron treats them:
 *
 * - A fixed time (no `*` and no step in seconds, minutes and hours) that a change of the clocks skips happens right
 *   after the change; one that comes twice happens the first time.
 * - Anything else happens at every moment that its fields match: not in an hour that is skipped, and in both passes
 *   of one that comes twice.
 *
 * Source: https://man7.org/linux/man-pages/man8/cron.8.html, and croner, which computes it.
 */
export class CronExpression {
  readonly cron: string;
  readonly timeZone: string;
  readonly #cron: Cron;

  /** @throws MiswiredService when the expression or the time zone is none, or it never comes true */
  constructor(cron: string, timeZone: string, now: Date = new Date()) {
    this.cron = cron;
    this.timeZone = timeZone;
    try {
      new Intl.DateTimeFormat('en', { timeZone });
    } catch {
      throw new MiswiredService(
        `time zone "${timeZone}" is not known: name one such as Europe/Berlin or UTC`,
      );
    }
    // Croner takes a date as well, for something that happens once.
    if (/^\d{4}-/.test(cron))
      throw new MiswiredService(`cron "${cron}" is a date; for one time, enqueue a job`);
    try {
      this.#cron = new Cron(cron, {
        timezone: timeZone,
        mode: '5-or-6-parts',
        fixedTimeRule: 'no-wildcard',
        paused: true,
      });
    } catch (error) {
      const reason = (error as Error).message.replace(/^CronPattern: /, '');
      throw new MiswiredService(
        `cron "${cron}" can't be read: ${reason} Write minute, hour, day of month, month, day of week, ` +
          'as in "30 2 * * MON-FRI"',
        { cause: error },
      );
    }
    if (!this.#cron.nextRun(now)) throw new MiswiredService(`cron "${cron}" never comes true`);
  }

  /** The next time after `time`; undefined when there is none before the year 10,000. */
  next(time: Date): Date | undefined {
    return this.#cron.nextRun(time) ?? undefined;
  }
}
