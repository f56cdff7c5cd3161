import { Injectable } from '@nestjs/common';
import type { Outcome, Payment, PaymentState, Refund } from '../payments/payment.ts';
import { Database } from './database.ts';

interface Row {
  seq: number;
  id: string;
  reference: string;
  amount: number;
  currency: string;
  status: Payment['status'];
  refunded: number;
  created_at: number;
}

const COLUMNS = 'seq, id, reference, amount, currency, status, refunded, created_at';

/** A payment with its place in the order in which payments came. */
export type PlacedPayment = PaymentState & { place: number };

/** The SQL of payments and refunds. What changes something is called within a transaction. */
@Injectable()
export class PaymentStore {
  constructor(private readonly database: Database) {}

  insert(
    { id, reference, amount, createdAt }: Payment,
    prospect: Outcome | null,
    decideAt: Date | null,
  ): void {
    this.database.run(
      `INSERT INTO payments (id, reference, amount, currency, prospect, decide_at, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      id,
      reference,
      amount.amount,
      amount.currency,
      prospect,
      decideAt?.getTime() ?? null,
      Date.parse(createdAt),
    );
  }

  find(id: string): PaymentState | undefined {
    const row = this.database.row<Row>(`SELECT ${COLUMNS} FROM payments WHERE id = ?`, id);
    return row && placed(row);
  }

  /** The latest first. */
  list(limit: number, before: number): PlacedPayment[] {
    return this.database
      .rows<Row>(`SELECT ${COLUMNS} FROM payments WHERE seq < ? ORDER BY seq DESC LIMIT ?`, before, limit)
      .map(placed);
  }

  /** The latest first. */
  listOf(reference: string, limit: number, before: number): PlacedPayment[] {
    return this.database
      .rows<Row>(
        `SELECT ${COLUMNS} FROM payments WHERE reference = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
        reference,
        before,
        limit,
      )
      .map(placed);
  }

  /** Pending payments whose time has come, with what is to become of them. */
  due(now: Date, limit: number): { id: string; prospect: Outcome }[] {
    return this.database.rows(
      'SELECT id, prospect FROM payments WHERE decide_at <= ? ORDER BY decide_at LIMIT ?',
      now.getTime(),
      limit,
    );
  }

  nextDue(): Date | undefined {
    const row = this.database.row<{ decide_at: number }>(
      'SELECT decide_at FROM payments WHERE decide_at IS NOT NULL ORDER BY decide_at LIMIT 1',
    );
    return row && new Date(row.decide_at);
  }

  /** @returns false when it was decided before */
  decide(id: string, outcome: Outcome): boolean {
    return (
      this.database.run(
        `UPDATE payments SET status = ?, decide_at = NULL WHERE id = ? AND status = 'pending'`,
        outcome,
        id,
      ) === 1
    );
  }

  insertRefund({ id, paymentId, amount, createdAt }: Refund): void {
    this.database.run(
      'INSERT INTO refunds (id, payment_id, amount, created_at) VALUES (?, ?, ?, ?)',
      id,
      paymentId,
      amount.amount,
      Date.parse(createdAt),
    );
    this.database.run('UPDATE payments SET refunded = refunded + ? WHERE id = ?', amount.amount, paymentId);
  }
}

function placed(row: Row): PlacedPayment {
  const { seq, id, reference, amount, currency, status, refunded, created_at: createdAt } = row;
  return {
    place: seq,
    id,
    reference,
    status,
    amount: { amount, currency },
    refunded: { amount: refunded, currency },
    createdAt: new Date(createdAt).toISOString(),
  };
}
