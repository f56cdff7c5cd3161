export type RefusalCode =
  'token-unusable' | 'payment-unknown' | 'not-refundable' | 'already-decided' | 'idempotency-key-reused';

/** A call that was understood and is not done. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: RefusalCode,
    message: string,
  ) {
    super(message);
  }
}
