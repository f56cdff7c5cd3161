/** What the library tells readiness checks and operators about itself. */
export interface ConsumerStatus {
  queue: string;
  consuming: boolean;
  /** Why not, or why messages of some kinds can't come yet. */
  reason?: string;
}

export interface PublisherStatus {
  connected: boolean;
  /** The broker takes no messages at the moment, for example for want of memory or disk. */
  blocked: boolean;
  reason?: string;
}

export interface WorkStatus {
  /** Jobs that run in this process at the moment. */
  running: number;
  /** Why scheduled messages and jobs can't be looked after at the moment. */
  problem?: string;
}

export interface StatusSource {
  consumers(): ConsumerStatus[];
  publisher(): PublisherStatus;
  relay(): { active: boolean };
  scheduledWork(): WorkStatus;
}

/** Injectable view of the running library. */
export class MessagingStatus implements StatusSource {
  readonly #source: StatusSource;
  constructor(source: StatusSource) {
    this.#source = source;
  }

  /** Each queue of the service. One that waits for the exchange of another service is not consuming fully, and says so. */
  consumers(): ConsumerStatus[] {
    return this.#source.consumers();
  }

  publisher(): PublisherStatus {
    return this.#source.publisher();
  }

  /** `active`: this replica relays the outbox; of several replicas one does. */
  relay(): { active: boolean } {
    return this.#source.relay();
  }

  scheduledWork(): WorkStatus {
    return this.#source.scheduledWork();
  }
}
