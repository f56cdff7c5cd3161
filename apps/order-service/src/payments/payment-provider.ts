import type { Money } from '../domain/money.ts';

/** Injection token of the {@link PaymentProvider}. */
export const PAYMENT_PROVIDER = Symbol('PAYMENT_PROVIDER');

/** What is asked for an order. Asking again for the same order has no second effect. */
export interface PaymentRequest {
  readonly orderId: string;
  readonly amount: Money;
  /** What the customer pays with. A secret: no error, log or event may show it. */
  readonly token: string;
}

/** What is sent back for an order, all at once. Sending back again has no second effect. */
export interface RefundRequest {
  readonly orderId: string;
  readonly paymentId: string;
  readonly amount: Money;
}

/** The provider took the request and will say later how it ended, or refuses this token for good. */
export type PaymentAnswer =
  | { readonly accepted: true; readonly paymentId: string }
  | {
      readonly accepted: false;
      /** Why, in the provider's own word, for example `token-unusable`. */
      readonly code: string;
    };

/** Whoever moves the money. */
export interface PaymentProvider {
  /**
   * @param signal ends the attempt and rejects with its reason; what the provider has taken stays taken
   * @throws DependencyUnavailable when there was no usable answer: later, the same request is worth sending again
   * @throws PermanentFailure when the provider will never take this request
   */
  request(payment: PaymentRequest, signal?: AbortSignal): Promise<PaymentAnswer>;

  /**
   * @param signal ends the attempt and rejects with its reason; what the provider has taken stays taken
   * @throws DependencyUnavailable when there was no usable answer: later, the same request is worth sending again
   * @throws PermanentFailure when the provider will never take this request, as for a payment that isn't approved
   */
  refund(refund: RefundRequest, signal?: AbortSignal): Promise<{ readonly refundId: string }>;
}
