/** In minor units of the currency, for example cents. */
export interface Money {
  amount: number;
  /** ISO 4217. */
  currency: string;
}

export type Outcome = 'approved' | 'declined';

export interface Payment {
  id: string;
  /** The caller's own name for it. */
  reference: string;
  status: 'pending' | Outcome;
  amount: Money;
  /** As in RFC 3339. */
  createdAt: string;
}

/** As it stands now, for accounting. */
export interface PaymentState extends Payment {
  refunded: Money;
}

export interface Refund {
  id: string;
  paymentId: string;
  status: 'succeeded';
  amount: Money;
  /** As in RFC 3339. */
  createdAt: string;
}

/** What a token brings, and whether at once. Null: nothing, until somebody decides by hand. */
export type Prospect = { outcome: Outcome; slow: boolean } | null;

const PROSPECTS = new Map<string, Prospect>([
  ['tok_ok', { outcome: 'approved', slow: false }],
  ['tok_declined', { outcome: 'declined', slow: false }],
  ['tok_slow', { outcome: 'approved', slow: true }],
  ['tok_never', null],
]);

/** @returns undefined for a token that will never pay */
export function prospectOf(token: string): Prospect | undefined {
  return PROSPECTS.get(token);
}
