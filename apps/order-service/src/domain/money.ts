/** An amount in minor units of one currency. Always a safe integer and never negative. */
export interface Money {
  readonly amount: number;
  /** ISO 4217 code. */
  readonly currency: string;
}

/** An amount that a JavaScript number can't hold exactly. Nothing may be rounded, so nothing is computed. */
export class MoneyOverflow extends Error {
  override readonly name = 'MoneyOverflow';
}

/** Amounts of different currencies have no sum. */
export class CurrencyMismatch extends Error {
  override readonly name = 'CurrencyMismatch';
}

function money(amount: number, currency: string): Money {
  if (!Number.isSafeInteger(amount)) {
    throw new MoneyOverflow(`an amount may be at most ${Number.MAX_SAFE_INTEGER} minor units of ${currency}`);
  }
  return { amount, currency };
}

/** @throws MoneyOverflow */
export function times(price: Money, quantity: number): Money {
  return money(price.amount * quantity, price.currency);
}

/** @throws CurrencyMismatch, MoneyOverflow */
export function plus(a: Money, b: Money): Money {
  if (a.currency !== b.currency) {
    throw new CurrencyMismatch(`${a.currency} and ${b.currency} can't be summed: an order has one currency`);
  }
  return money(a.amount + b.amount, a.currency);
}
