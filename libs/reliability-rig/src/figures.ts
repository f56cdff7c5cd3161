/** What one run of one fault came to. */
export interface Figures {
  fault: string;
  /** Messages that were committed to the producer's outbox. Each has a follow-up unless it is a dead letter. */
  messages: number;
  /** How often the fault was made. */
  faults: number;
  deadLetters: number;
  /** Events that the broker took more than once. */
  publishedTwice: number;
  /** Deliveries of a message in the same attempt beyond the first, as the services read them from the socket. */
  deliveredAgain: number;
  /** Deliveries that the broker marked as redelivered. */
  redelivered: number;
  /** The longest time between two effects, in milliseconds. */
  longestGapMs: number;
  durationMs: number;
  note: string | undefined;
  /** What must not be: empty when everything holds. */
  violations: string[];
}
