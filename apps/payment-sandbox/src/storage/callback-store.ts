import { Injectable } from '@nestjs/common';
import { Database } from './database.ts';

export interface Callback {
  id: string;
  /** The JSON text, the same at every attempt. */
  body: string;
  createdAt: Date;
  /** Begun so far. */
  attempts: number;
}

interface Row {
  id: string;
  body: string;
  created_at: number;
  attempts: number;
}

/** The SQL of callbacks: one for each payment that is decided. */
@Injectable()
export class CallbackStore {
  constructor(private readonly database: Database) {}

  insert(paymentId: string, { id, body, createdAt }: Callback, firstAttemptAt: Date): void {
    this.database.run(
      'INSERT INTO callbacks (id, payment_id, body, created_at, next_attempt_at) VALUES (?, ?, ?, ?, ?)',
      id,
      paymentId,
      body,
      createdAt.getTime(),
      firstAttemptAt.getTime(),
    );
  }

  due(now: Date, limit: number): Callback[] {
    return this.database
      .rows<Row>(
        `SELECT id, body, created_at, attempts FROM callbacks
         WHERE next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?`,
        now.getTime(),
        limit,
      )
      .map(({ created_at: createdAt, ...row }) => ({ ...row, createdAt: new Date(createdAt) }));
  }

  nextDueAfter(now: Date): Date | undefined {
    const row = this.database.row<{ next_attempt_at: number }>(
      'SELECT next_attempt_at FROM callbacks WHERE next_attempt_at > ? ORDER BY next_attempt_at LIMIT 1',
      now.getTime(),
    );
    return row && new Date(row.next_attempt_at);
  }

  /** Before it is sent: should the process end now, the next attempt is made all the same. */
  begin(id: string, nextAttemptAt: Date): void {
    this.database.run(
      'UPDATE callbacks SET attempts = attempts + 1, next_attempt_at = ? WHERE id = ?',
      nextAttemptAt.getTime(),
      id,
    );
  }

  /** @param nextAttemptAt null: no more attempts */
  fail(id: string, nextAttemptAt: Date | null): void {
    this.database.run(
      'UPDATE callbacks SET next_attempt_at = ? WHERE id = ?',
      nextAttemptAt?.getTime() ?? null,
      id,
    );
  }

  deliver(id: string): void {
    this.database.run(
      'UPDATE callbacks SET delivered_at = ?, next_attempt_at = NULL WHERE id = ?',
      Date.now(),
      id,
    );
  }
}
