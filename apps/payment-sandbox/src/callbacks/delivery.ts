import { Inject, Injectable } from '@nestjs/common';
import { Webhook } from 'standardwebhooks';
import { SANDBOX_CONFIG, type SandboxConfig } from '../config.ts';
import type { Callback } from '../storage/callback-store.ts';

const ANSWER_TIMEOUT_MS = 10_000;

/** Sends callbacks, signed after Standard Webhooks: https://www.standardwebhooks.com */
@Injectable()
export class Delivery {
  readonly #url: string;
  readonly #webhook: Webhook;

  constructor(@Inject(SANDBOX_CONFIG) config: SandboxConfig) {
    this.#url = config.WARREN_SANDBOX_CALLBACK_URL;
    this.#webhook = new Webhook(config.WARREN_SANDBOX_CALLBACK_SECRET);
  }

  /**
   * One attempt.
   *
   * @returns why it was not taken; undefined when it was
   */
  async attempt({ id, body }: Callback, stop: AbortSignal): Promise<string | undefined> {
    const now = new Date();
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
          'webhook-signature': this.#webhook.sign(id, now, body),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([stop, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
      });
      await response.body?.cancel();
      return response.ok ? undefined : `it answered ${response.status}`;
    } catch (error) {
      const { cause, message } = error as Error;
      return cause instanceof Error ? cause.message || String(cause) : message;
    }
  }
}
