import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '@warren/tools/processes/report.ts';
import type { Fault } from './faults/fault.ts';
import type { Figures } from './figures.ts';
import type { RigServers } from './servers.ts';
import type { Stop } from './service-process.ts';
import { SHUTDOWN_SECONDS, Stage, type StageOptions } from './stage.ts';
import { depths } from './tap.ts';
import { collectRemains, judge } from './verdict.ts';

export interface ScenarioOptions extends StageOptions {
  /** How often the fault is made. */
  times: number;
  report: Report;
}

const STALLED_MS = 120_000;
const POLL_MS = 200;
/** How often in a row everything must look finished: a retry is in no queue while it moves from one to the next. */
const QUIET_LOOKS = 6;
const WORK_QUEUES = ['rig-consumer.items', 'rig-producer.confirmations'].flatMap((queue) => [
  queue,
  `${queue}.retry.200ms`,
  `${queue}.retry.500ms`,
]);
const HAS_EFFECT = `behaviour NOT IN ('exhausts', 'gives-up')`;

/** Nothing happens any more and not all is done: something is lost, or waits for ever. */
class Stalled extends Error {
  override readonly name = 'Stalled';
}

/** One fault, made while messages flow from a producer to a consumer and back, and then the count. */
export class Scenario {
  readonly stage: Stage;
  readonly servers: RigServers;
  readonly messages: number;
  readonly times: number;
  readonly #fault: Fault;
  readonly #report: Report;
  #made = 0;

  private constructor(fault: Fault, stage: Stage, options: ScenarioOptions) {
    this.#fault = fault;
    this.stage = stage;
    this.servers = options.servers;
    this.messages = options.messages;
    this.times = options.times;
    this.#report = options.report;
  }

  /** Makes the fault while messages flow, waits until all is quiet, and counts. */
  static async run(fault: Fault, options: ScenarioOptions): Promise<Figures> {
    const begun = performance.now();
    const stage = await Stage.open(fault, options);
    try {
      const scenario = new Scenario(fault, stage, options);
      const note = await fault.make(scenario);
      // What is lost is named by the count.
      const stalled = await scenario.#untilQuiet().catch((error: unknown) => {
        if (error instanceof Stalled) return error.message;
        throw error;
      });
      const figures = await scenario.#count(note, Math.round(performance.now() - begun));
      return stalled === undefined ? figures : { ...figures, violations: [stalled, ...figures.violations] };
    } finally {
      await stage.close();
    }
  }

  /** Starts all processes, and resolves when they are up. */
  async start(
    sabotage: { producer?: Record<string, string>; consumer?: Record<string, string> } = {},
  ): Promise<void> {
    const { producers, consumers, services } = this.stage;
    await Promise.all(producers.map((producer) => producer.start(sabotage.producer)));
    await Promise.all(consumers.map((consumer) => consumer.start(sabotage.consumer)));
    await Promise.all(services.map((service) => service.untilListening()));
  }

  /** Starts the services, makes `once` as often as it is wanted, spread over the messages, and waits each time until work goes on. */
  async repeat(once: (time: number) => Promise<void>): Promise<void> {
    await this.start();
    for (let time = 0; time < this.times; time += 1) {
      await this.#untilEffects((this.messages * 0.8 * (time + 0.5)) / this.times);
      await once(time);
      this.countFault();
      await this.untilWorkGoesOn();
    }
  }

  countFault(): void {
    this.#made += 1;
    this.#report(`${this.#fault.name}: made ${this.#made} of ${this.times} times`);
  }

  /** Waits for effects beyond those that are there now, or until there is nothing left to have one. */
  async untilWorkGoesOn(effects = 1): Promise<void> {
    const before = await this.effects();
    await this.#until(async () => {
      const now = await this.effects();
      const missing = now >= before + effects ? 0 : await this.#missing();
      return { done: missing === 0, progress: now };
    });
  }

  effects(): Promise<number> {
    return this.stage.database.number('SELECT count(*) AS n FROM rig_consumer.effects');
  }

  /** Messages that wait in the producer's outbox. */
  waiting(): Promise<number> {
    return this.stage.database.number('SELECT count(*) AS n FROM rig_producer.outbox');
  }

  /** Waits until everything that was committed has had its effect and its follow-up's, and the queues are empty. */
  async untilCaughtUp(): Promise<void> {
    await this.#until(async () => {
      const progress = await this.effects();
      const done = (await this.#undelivered()) === 0 && (await this.#queued()) === 0;
      return { done, progress };
    });
  }

  async #untilEffects(wanted: number): Promise<void> {
    await this.#until(async () => {
      const progress = await this.effects();
      return { done: progress >= wanted, progress };
    });
  }

  async #untilQuiet(): Promise<undefined> {
    this.#report(`${this.#fault.name}: waiting for the rest`);
    let looks = 0;
    await this.#until(async () => {
      const progress = await this.stage.database.number(
        `SELECT (SELECT count(*) FROM rig_consumer.effects) + (SELECT count(*) FROM rig_producer.confirmations)
              + (SELECT count(*) FROM rig_producer.ledger) AS n`,
      );
      const quiet = (await this.#missing()) === 0 && (await this.#queued()) === 0;
      looks = quiet ? looks + 1 : 0;
      return { done: looks === QUIET_LOOKS, progress };
    });
    return undefined;
  }

  /** What is still to be appended, published, had an effect, or followed up. */
  async #missing(): Promise<number> {
    const unsent = await this.stage.database.number(
      'SELECT sum(target - version) AS n FROM rig_producer.items',
    );
    return unsent > 0 ? unsent : this.#undelivered();
  }

  async #undelivered(): Promise<number> {
    const { database } = this.stage;
    const unsent = await database.number(
      'SELECT (SELECT count(*) FROM rig_producer.outbox) + (SELECT count(*) FROM rig_consumer.outbox) AS n',
    );
    if (unsent > 0) return unsent;
    return database.number(
      `SELECT (SELECT count(*) FROM rig_producer.ledger l WHERE ${HAS_EFFECT}
                 AND NOT EXISTS (SELECT 1 FROM rig_consumer.effects e WHERE e.message_id = l.message_id))
            + (SELECT count(*) FROM rig_consumer.follow_ups f
                 WHERE NOT EXISTS (SELECT 1 FROM rig_producer.confirmations c WHERE c.message_id = f.message_id)) AS n`,
    );
  }

  async #queued(): Promise<number> {
    const found = await depths(this.stage.amqpUrl, WORK_QUEUES);
    return found.reduce((sum, depth) => sum + depth, 0);
  }

  /** Polls until `look` says done, and gives up when nothing has moved for minutes, or a process has died. */
  async #until(look: () => Promise<{ done: boolean; progress: number }>): Promise<void> {
    let last = -1;
    let movedAt = Date.now();
    for (;;) {
      const { done, progress } = await look();
      if (done) return;
      const [died] = this.stage.unexpected;
      if (died !== undefined) throw new Error(`${this.#fault.name}: ${died}`);
      if (progress !== last) movedAt = Date.now();
      else if (Date.now() - movedAt > STALLED_MS) {
        throw new Stalled(
          `${this.#fault.name}: nothing has moved for ${STALLED_MS / 1000} s, and ${await this.#missing()} are missing`,
        );
      }
      last = progress;
      await delay(POLL_MS);
    }
  }

  async #count(note: string | undefined, durationMs: number): Promise<Figures> {
    const { stage } = this;
    const { services, consumers, amqpUrl } = stage;
    const stops = await Promise.all(services.map((service) => service.stop()));
    const left = await depths(amqpUrl, WORK_QUEUES);
    const remains = await collectRemains(stage);
    const counts = judge(remains, consumers.length);
    const figures: Figures = {
      fault: this.#fault.name,
      messages: remains.committed.length,
      faults: this.#made,
      durationMs,
      note,
      ...counts,
    };
    return {
      ...figures,
      violations: [
        ...counts.violations,
        ...stage.unexpected,
        ...stops.flatMap(stopViolations),
        ...WORK_QUEUES.flatMap((queue, n) =>
          left[n]! > 0 ? [`${left[n]} messages are left in ${queue}`] : [],
        ),
        ...(this.#fault.check?.(figures) ?? []),
      ],
    };
  }
}

/** A stop must end by itself, within its time, and say that all is well. */
export function stopViolations({ code, signal, durationMs }: Stop): string[] {
  if (code === 0 && durationMs <= SHUTDOWN_SECONDS * 1_000) return [];
  return [`a process that got SIGTERM ended with ${signal ?? code} after ${durationMs} ms`];
}
