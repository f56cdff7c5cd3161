import type { EntityManager } from 'typeorm';
import { removeRows } from './remove-rows.ts';

/** The answer to a call, kept to be given again. */
export interface StoredAnswer {
  status: number;
  headers: Record<string, string>;
  body: object;
}

/** A call that a client may repeat without a second effect. */
export interface IdempotentCall {
  accountId: string;
  /** What the client sent as Idempotency-Key; keys belong to the account. */
  key: string;
  /** SHA-256 of what was asked for: the same key with another one is a mistake of the client. */
  fingerprint: Buffer;
  answer: StoredAnswer;
}

/** How long an answer is given again, in hours. */
export const KEY_LIFETIME_HOURS = 24;

/**
 * A common table expression `claimed` that has one row if the key was free, and then holds it with its answer;
 * a key past its lifetime is free. A second transaction with the same key waits here until the first one ends: it
 * finds the key taken if that one commits, and free if it rolls back.
 *
 * Meant to stand before the effect in one statement, because round trips are what a busy call costs most. It takes
 * the parameters $1 to $6: see {@link claimParameters}.
 */
export const CLAIM_KEY = `claimed AS (
    INSERT INTO idempotency_keys AS k (account_id, key, fingerprint, status, headers, body)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id, key) DO UPDATE
       SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers,
           body = excluded.body, created_at = excluded.created_at
     WHERE k.created_at < now() - interval '${KEY_LIFETIME_HOURS} hours'
    RETURNING account_id
  )`;

export function claimParameters({ accountId, key, fingerprint, answer }: IdempotentCall): unknown[] {
  return [
    accountId,
    key,
    fingerprint,
    answer.status,
    JSON.stringify(answer.headers),
    JSON.stringify(answer.body),
  ];
}

/** The key was used for another call before. */
export class IdempotencyKeyReused extends Error {
  override readonly name = 'IdempotencyKeyReused';
  constructor(readonly key: string) {
    super(`the idempotency key ${key} was used for another call`);
  }
}

/**
 * The answer that the first call with this key got.
 *
 * @throws IdempotencyKeyReused when that call asked for something else
 */
export async function answerGivenBefore(tx: EntityManager, call: IdempotentCall): Promise<StoredAnswer> {
  const [row] = (await tx.query(
    `SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE account_id = $1 AND key = $2`,
    [call.accountId, call.key],
  )) as (StoredAnswer & { fingerprint: Buffer })[];
  if (!row) throw new Error(`the idempotency key ${call.key} is neither free nor taken`);
  const { fingerprint, ...answer } = row;
  if (!fingerprint.equals(call.fingerprint)) throw new IdempotencyKeyReused(call.key);
  return answer;
}

/** Removes up to `limit` keys past their lifetime, so that no statement holds many rows at a time. */
export function removeExpiredKeys(manager: EntityManager, limit: number): Promise<number> {
  return removeRows(
    manager,
    'idempotency_keys',
    `created_at < now() - interval '${KEY_LIFETIME_HOURS} hours'`,
    limit,
  );
}
