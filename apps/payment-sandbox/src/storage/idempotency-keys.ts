import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Refusal } from '../payments/refusal.ts';
import { Database } from './database.ts';

/** Answers by the key that the caller gave to its call, kept for good. */
@Injectable()
export class IdempotencyKeys {
  constructor(private readonly database: Database) {}

  /**
   * Does a call once, within the caller's transaction. What throws leaves nothing behind, and the key free.
   *
   * @param call all that makes it another call, without what it brings; a hash of it is kept
   * @param work returns what JSON can hold
   * @returns what `work` returned, now or the first time
   * @throws Refusal when the key belongs to another call
   */
  once<T extends object>(key: string, call: object, work: () => T): T {
    const fingerprint = createHash('sha256').update(JSON.stringify(call)).digest();
    const known = this.database.row<{ fingerprint: Uint8Array; answer: string }>(
      'SELECT fingerprint, answer FROM idempotency_keys WHERE key = ?',
      key,
    );
    if (known) {
      if (fingerprint.equals(known.fingerprint)) return JSON.parse(known.answer) as T;
      throw new Refusal('idempotency-key-reused', 'this Idempotency-Key was used for another call');
    }
    const answer = work();
    this.database.run(
      'INSERT INTO idempotency_keys (key, fingerprint, answer, created_at) VALUES (?, ?, ?, ?)',
      key,
      fingerprint,
      JSON.stringify(answer),
      Date.now(),
    );
    return answer;
  }
}
