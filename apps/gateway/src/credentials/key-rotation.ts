import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { DataSource, EntityManager } from 'typeorm';

/** Signature algorithm of the tokens (RFC 8037), over Ed25519. */
export const TOKEN_ALGORITHM = 'EdDSA';

/** How long others may keep what /.well-known/jwks.json told them, in seconds. */
export const JWKS_MAX_AGE_SECONDS = 600;

/** A replica knows the keys of this long ago at least when it signs, in seconds. */
export const LATE_SECONDS = 120;

/** For this long a key is published before it signs, in seconds: longer than the two above together, with some to spare. */
export const PUBLISHED_AHEAD_SECONDS = 900;

/** Any number that nothing else in this schema's database locks: makes those that make keys take turns. */
const ROTATION_LOCK = 7_080_001;

/** Ed25519 key pair as a JSON Web Key (RFC 8037). */
export interface PrivateJwk {
  kty: string;
  crv: string;
  x: string;
  d: string;
}

export interface StoredKey {
  /** Thumbprint of the key (RFC 7638); stands in the header of each token. */
  kid: string;
  privateJwk: PrivateJwk;
  createdAt: Date;
  /** Announced until then. */
  signsFrom: Date;
  /** When no token that it signed can be valid any more; null as long as nothing is to take its place. */
  verifiesUntil: Date | null;
  /** Now, by the database's clock. */
  state: 'announced' | 'signing' | 'verifying' | 'expired';
}

/** A key signs until the next one does, and verifies for as long as the last of its tokens, and those of late replicas. */
const KEYS = `
  SELECT k.*, CASE
      WHEN signs_from > now() THEN 'announced'
      WHEN replaced_at IS NULL OR replaced_at > now() THEN 'signing'
      WHEN verifies_until > now() THEN 'verifying'
      ELSE 'expired'
    END AS state
  FROM (
    SELECT *, replaced_at + make_interval(secs => token_seconds + ${LATE_SECONDS}) AS verifies_until
    FROM (SELECT *, lead(signs_from) OVER (ORDER BY signs_from) AS replaced_at FROM signing_keys) of_time
  ) k`;

/** All keys and the database's time, the key that signed first first. */
export async function findSigningKeys(
  manager: Pick<EntityManager, 'query'>,
): Promise<{ keys: StoredKey[]; now: Date }> {
  const rows = (await manager.query(
    `SELECT kid, private_jwk AS "privateJwk", created_at AS "createdAt", signs_from AS "signsFrom",
        verifies_until AS "verifiesUntil", state, now() AS now
       FROM (${KEYS}) keys ORDER BY signs_from`,
  )) as (StoredKey & { now: Date })[];
  const now = rows[0]?.now ?? new Date();
  return { keys: rows.map(({ now: _, ...key }) => key), now };
}

/**
 * Makes the first key if there is none, and notes for how long tokens are issued from now on.
 *
 * @param tokenSeconds lifetime of the tokens that the calling process issues
 */
export async function prepareSigningKeys(dataSource: DataSource, tokenSeconds: number): Promise<void> {
  await whileLocked(dataSource, async (tx) => {
    const keys = (await tx.query('SELECT 1 FROM signing_keys LIMIT 1')) as unknown[];
    if (keys.length === 0) await insertKey(tx, 0, tokenSeconds);
    await tx.query(
      `UPDATE signing_keys SET token_seconds = $1
        WHERE token_seconds < $1
          AND kid IN (SELECT kid FROM (${KEYS}) keys WHERE state IN ('announced', 'signing'))`,
      [tokenSeconds],
    );
  });
}

/**
 * Announces a new key, which signs after {@link PUBLISHED_AHEAD_SECONDS}. One at a time: while a key is announced there
 * is no other, whoever asks.
 *
 * @param afterDays only if the newest key has signed for so many days. Default: whatever its age
 * @returns the id of the new key; undefined if none was due
 */
export async function rotateSigningKey(
  dataSource: DataSource,
  afterDays?: number,
): Promise<string | undefined> {
  return whileLocked(dataSource, async (tx) => {
    // The clock, not the beginning of the transaction, which waited for the lock.
    const [newest] = (await tx.query(
      `SELECT token_seconds AS "tokenSeconds",
          signs_from <= clock_timestamp() - make_interval(days => $1) AS "isDue"
         FROM signing_keys ORDER BY signs_from DESC LIMIT 1`,
      [afterDays ?? 0],
    )) as [{ tokenSeconds: number; isDue: boolean }?];
    if (!newest?.isDue) return undefined;
    return insertKey(tx, PUBLISHED_AHEAD_SECONDS, newest.tokenSeconds);
  });
}

/**
 * Removes the keys of which no token is valid any more.
 *
 * @returns their ids
 */
export async function removeExpiredSigningKeys(manager: Pick<EntityManager, 'query'>): Promise<string[]> {
  const [rows] = (await manager.query(
    `DELETE FROM signing_keys WHERE kid IN (SELECT kid FROM (${KEYS}) keys WHERE state = 'expired') RETURNING kid`,
  )) as [{ kid: string }[], number];
  return rows.map(({ kid }) => kid);
}

async function insertKey(tx: EntityManager, aheadSeconds: number, tokenSeconds: number): Promise<string> {
  const { privateKey } = await generateKeyPair(TOKEN_ALGORITHM, { extractable: true });
  const privateJwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(privateJwk);
  await tx.query(
    `INSERT INTO signing_keys (kid, private_jwk, created_at, signs_from, token_seconds)
     VALUES ($1, $2, now(), clock_timestamp() + make_interval(secs => $3), $4)`,
    [kid, JSON.stringify(privateJwk), aheadSeconds, tokenSeconds],
  );
  return kid;
}

function whileLocked<T>(dataSource: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
  return dataSource.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [ROTATION_LOCK]);
    return work(tx);
  });
}
