import type { OutgoingMessage } from '../broker/confirm-publisher.ts';

export interface RedriveOptions {
  /** Messages in a second at most. Default: as fast as it goes. */
  perSecond?: number;
  /**
   * Sends 1, 2, 5, 20, 50 … messages, waits after each batch until the queue is through with it, and stops when
   * messages fail again. Default true.
   */
  ramp?: boolean;
  /** With a ramp: how long after a batch failures are waited for at least. Milliseconds, default 10,000. */
  settleMs?: number;
  /** With a ramp: how long the queue may take to work through a batch. Milliseconds, default 300,000. */
  patienceMs?: number;
  /** With a ramp: how many messages may fail again before it stops. Default 0. */
  tolerate?: number;
  /** Messages at most, over all queues. Default: all that match. */
  limit?: number;
  /** Also what is older than 30 days, or of unknown age. What of it had its effect may have it again. Default false. */
  force?: boolean;
  signal?: AbortSignal;
  onProgress?: (progress: RedriveProgress) => void;
}

export interface RedriveProgress {
  queue: string;
  redriven: number;
  /** `settling`: waits for what becomes of a batch. */
  phase: 'sending' | 'settling';
  /** Size of the batch under way, with a ramp. */
  batch?: number;
  /** Dead letters that were looked at, and how many there are. */
  walked?: number;
  of?: number;
}

export interface QueueRedriveReport {
  queue: string;
  /** Messages that are in the queue again, and no dead letters any more. */
  redriven: number;
  /** Of these, those that were seen to fail again, for another attempt or for good. Only a ramp looks for them. */
  failedAgain: number;
  /** Left where they are, because they are older than 30 days. */
  tooOld: number;
  /** Left where they are, because their headers say that they failed in another queue. */
  misplaced: number;
  /** Why messages can't be sent to this queue, and the mend. They are dead letters as before. */
  problem?: string;
}

export type StopReason =
  /** Messages of this redrive failed again. */
  | 'failed-again'
  /** The queue doesn't work through what was sent. */
  | 'not-settled'
  /** Nobody consumes the queue. */
  | 'not-consumed'
  /** The signal was given. */
  | 'interrupted';

export interface RedriveReport {
  /** Id of this redrive; the messages carry it in the header `x-warren-redrive`. */
  redrive: string;
  /** Of the queues that it came to. */
  queues: QueueRedriveReport[];
  /** Why it stopped before all was sent. What was not sent is a dead letter as before. */
  stopped?: { queue: string; reason: StopReason; message: string };
}

/** Ends a redrive before all is sent, in good order. */
export class RedriveStopped extends Error {
  override readonly name = 'RedriveStopped';
  readonly reason: StopReason;
  constructor(reason: StopReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A dead letter can't be sent to the queue that failed. It stays where it is. */
export class RedriveImpossible extends Error {
  override readonly name = 'RedriveImpossible';

  static unroutable({ exchange, routingKey }: OutgoingMessage): RedriveImpossible {
    return new RedriveImpossible(
      `no queue receives ${routingKey} from ${exchange}. Either the queue is gone: start the service, which declares ` +
        'it. Or it takes requests, which are not redriven: whoever asked was told long ago, so discard them',
    );
  }

  static noExchange({ exchange }: OutgoingMessage, cause: Error): RedriveImpossible {
    return new RedriveImpossible(
      `nothing can be sent through ${exchange}: ${cause.message}. Start the service, which declares it`,
      { cause },
    );
  }
}
