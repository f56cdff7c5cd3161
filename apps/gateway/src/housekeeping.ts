import {
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DataSource } from 'typeorm';
import { SigningKeys } from './credentials/signing-keys.ts';
import { removeExpiredKeys } from './storage/idempotency-keys.ts';
import { removeOldCallbacks, removeOldRequests } from './storage/payment-callbacks.ts';
import { removeEndedCounts } from './storage/sign-in-limits.ts';
import { UnfinishedUploads } from './storage/unfinished-uploads.ts';

const HOUR_MS = 3_600_000;

/** Rows that one statement removes at most. */
const BATCH = 1_000;

/** Removes what has outlived its use and replaces signing keys that are old, at start and every hour. Replicas may do it at the same time. */
@Injectable()
export class Housekeeping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log = new Logger(Housekeeping.name);
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly dataSource: DataSource,
    private readonly uploads: UnfinishedUploads,
    private readonly signingKeys: SigningKeys,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => this.#start(), HOUR_MS).unref();
    this.#start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #start(): void {
    this.#running = this.#running.then(() => this.#cleanUp());
  }

  async #cleanUp(): Promise<void> {
    await this.#tryTo('replace signing keys', () => this.signingKeys.rotateIfDue());
    await this.#tryTo('remove what crashed uploads left', async () => {
      const { parts, objects } = await this.uploads.sweep();
      if (parts + objects > 0) {
        this.#log.log(`removed what crashed uploads left: ${parts} parts and ${objects} whole objects`);
      }
    });
    await this.#tryTo('remove old rows', async () => {
      for (const removeUpTo of [
        removeExpiredKeys,
        removeOldCallbacks,
        removeOldRequests,
        removeEndedCounts,
      ]) {
        while (!this.#stopping && (await removeUpTo(this.dataSource.manager, BATCH)) === BATCH);
      }
    });
  }

  async #tryTo(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#stopping) return;
    try {
      await work();
    } catch (error) {
      // Nothing waits for it, and the next round does it.
      this.#log.warn(`could not ${what}, trying again in an hour: ${String(error)}`);
    }
  }
}
