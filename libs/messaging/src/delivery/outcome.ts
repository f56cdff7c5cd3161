/** How the handling of one delivery ended. Deciding is separate from doing it on the broker. */
export type Outcome =
  | { kind: 'done' }
  /** The effect was there already. */
  | { kind: 'duplicate' }
  /** Try again after the wait of `tier`; the attempt counts. */
  | { kind: 'retry'; tier: number; error: Error }
  /** Something that is needed is away; no attempt is counted. */
  | { kind: 'unavailable'; error: Error }
  | { kind: 'dead'; reason: DeadReason; error: Error };

/** What the message failed with, if it did. */
export function errorOf(outcome: Outcome | undefined): Error | undefined {
  return outcome && 'error' in outcome ? outcome.error : undefined;
}

/** Why a message is in a dead-letter queue: a closed list. */
export type DeadReason =
  /** The body is not one of our envelopes. */
  | 'malformed'
  /** `data` is not what its contract allows. */
  | 'invalid'
  /** No handler of this queue takes the type. */
  | 'unknown-type'
  /** The process ended again and again while it worked on it. */
  | 'kills-the-process'
  /** The handler gave up with PermanentFailure. */
  | 'permanent-failure'
  /** Its properties can't be sent again; only its body was kept. */
  | 'unsendable'
  /** Every attempt failed. */
  | 'attempts-exhausted';
