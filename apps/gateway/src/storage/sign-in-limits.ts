import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { removeRows } from './remove-rows.ts';

/** From the first failure on, failures are counted for this long, in minutes; then the count begins anew. */
export const WINDOW_MINUTES = 15;

/** Failures in that time after which nothing more is looked at. */
export const LIMITS = { account: 10, network: 100 } as const;

type Scope = keyof typeof LIMITS;

/** Too many sign-ins have failed, for the address of the account or from the network: which of the two is not told. */
export class TooManySignIns extends Error {
  override readonly name = 'TooManySignIns';
  /** @param retryAfterSeconds until the count begins anew */
  constructor(readonly retryAfterSeconds: number) {
    super('too many sign-ins have failed');
  }
}

/** A sign-in that is counted as failed until it is known to have succeeded. */
export interface SignInAttempt {
  account: Buffer;
  network: Buffer;
  /** The end of the time in which it was counted for the network, as PostgreSQL writes it. */
  networkUntil: string;
}

/**
 * One of 2^20 counters. Addresses can share one; with a salt that is known to the database alone nobody can choose
 * which. Whoever wants to block a tenth of all accounts by chance has to fail a million times within the window.
 */
const bucketOf = (digest: string): string =>
  `(SELECT ('x' || left(encode(sha256(salt || ${digest}::bytea), 'hex'), 5))::bit(20)::int FROM sign_in_salt)`;

/** Counts an attempt, unless the limit is reached. Attempts that come at once take turns at the row. */
const COUNT = `
  INSERT INTO failed_sign_ins AS f (scope, bucket, failures, until)
  VALUES ($1, ${bucketOf('$2')}, 1, now() + interval '${WINDOW_MINUTES} minutes')
  ON CONFLICT (scope, bucket) DO UPDATE
     SET failures = CASE WHEN f.until <= now() THEN 1 ELSE f.failures + 1 END,
         until = CASE WHEN f.until <= now() THEN excluded.until ELSE f.until END
   WHERE f.until <= now() OR f.failures < $3
  RETURNING until::text`;

const REMAINING = `
  SELECT ceil(extract(epoch FROM until - now()))::int AS seconds FROM failed_sign_ins
   WHERE scope = $1 AND bucket = ${bucketOf('$2')}`;

const TAKE_BACK = `
  UPDATE failed_sign_ins SET failures = failures - 1
   WHERE scope = 'network' AND bucket = ${bucketOf('$1')} AND until = $2::timestamptz AND failures > 0`;

const SUCCEED = `
  WITH cleared AS (
    DELETE FROM failed_sign_ins WHERE scope = 'account' AND bucket = ${bucketOf('$3')}
  )
  ${TAKE_BACK}`;

/** The failed sign-ins of all replicas, by account address and by network. */
@Injectable()
export class SignInLimits {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Counts a sign-in before its password is looked at, so that of many at once no more are looked at than may fail. One
   * whose process dies meanwhile stays counted.
   *
   * @param address of the account, as it is compared; whether there is an account makes no difference
   * @param network where it comes from
   * @throws TooManySignIns
   */
  async begin(address: string, network: string): Promise<SignInAttempt> {
    const digests = { account: digestOf(address), network: digestOf(network) };
    // The network first: one that is refused writes nothing for the addresses that it tries.
    const networkUntil = await this.#count('network', digests.network);
    try {
      await this.#count('account', digests.account);
    } catch (error) {
      await this.dataSource.query(TAKE_BACK, [digests.network, networkUntil]);
      throw error;
    }
    return { ...digests, networkUntil };
  }

  /** Takes the attempt back, and clears the count of its account. */
  async succeed({ account, network, networkUntil }: SignInAttempt): Promise<void> {
    await this.dataSource.query(SUCCEED, [network, networkUntil, account]);
  }

  async #count(scope: Scope, digest: Buffer): Promise<string> {
    const [counted] = (await this.dataSource.query(COUNT, [scope, digest, LIMITS[scope]])) as [
      { until: string }?,
    ];
    if (counted) return counted.until;
    const [remaining] = (await this.dataSource.query(REMAINING, [scope, digest])) as [{ seconds: number }?];
    // Without a row it was cleared this moment.
    throw new TooManySignIns(Math.max(1, remaining?.seconds ?? 1));
  }
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Removes up to `limit` counts whose time is over. */
export function removeEndedCounts(manager: EntityManager, limit: number): Promise<number> {
  return removeRows(manager, 'failed_sign_ins', 'until <= now()', limit);
}
