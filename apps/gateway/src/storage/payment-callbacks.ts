import type { EntityManager } from 'typeorm';
import { TOLERANCE_SECONDS, type SignedWebhook } from '../credentials/webhook-signature.ts';
import { removeRows } from './remove-rows.ts';

/** What is known of callbacks of the payment provider that were taken, so that none has its effect twice. */

/** How long the id of a callback is known, in days: the provider repeats one for 3. */
export const CALLBACK_ID_DAYS = 30;

/** A request is known for as long as its time is accepted, and as long again for clocks that differ. */
const REQUEST_SECONDS = 2 * TOLERANCE_SECONDS;

/** The very same request was taken before: somebody has recorded it and sends it again. */
export class CallbackReplayed extends Error {
  override readonly name = 'CallbackReplayed';
  constructor(readonly callbackId: string) {
    super(`the callback ${callbackId} was sent again as it was; a repetition has a new webhook-timestamp`);
  }
}

/**
 * Takes one request, and the callback that it tells of if that is to be known by its id. A second transaction with the
 * same request or the same callback waits here until the first one ends.
 *
 * @param knowId whether the callback counts as told from now on
 * @returns whether the callback is new; false for one whose id is not to be known
 * @throws CallbackReplayed
 */
export async function claimCallback(
  tx: EntityManager,
  { id, timestamp, digest }: SignedWebhook,
  knowId: boolean,
): Promise<boolean> {
  const [row] = (await tx.query(
    `WITH request AS (
       INSERT INTO payment_callback_requests (digest, sent_at) VALUES ($1, to_timestamp($2))
       ON CONFLICT DO NOTHING RETURNING digest
     ), callback AS (
       INSERT INTO payment_callbacks (id) SELECT $3::text FROM request WHERE $4::boolean
       ON CONFLICT DO NOTHING RETURNING id
     )
     SELECT EXISTS (SELECT FROM request) AS "isNewRequest", EXISTS (SELECT FROM callback) AS "isNewCallback"`,
    [digest, timestamp, id, knowId],
  )) as { isNewRequest: boolean; isNewCallback: boolean }[];
  if (!row!.isNewRequest) throw new CallbackReplayed(id);
  return row!.isNewCallback;
}

/** Removes up to `limit` ids of callbacks that nobody repeats any more. */
export function removeOldCallbacks(manager: EntityManager, limit: number): Promise<number> {
  return removeRows(
    manager,
    'payment_callbacks',
    `taken_at < now() - interval '${CALLBACK_ID_DAYS} days'`,
    limit,
  );
}

/** Removes up to `limit` requests that would be refused by now for their age. */
export function removeOldRequests(manager: EntityManager, limit: number): Promise<number> {
  return removeRows(
    manager,
    'payment_callback_requests',
    `sent_at < now() - interval '${REQUEST_SECONDS} seconds'`,
    limit,
  );
}
