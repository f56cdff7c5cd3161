import type { EventEnvelope } from '@warren/contracts';
import type { EntityManager } from 'typeorm';
import type { NamedStatement } from '../database/service-client.ts';
import { validate as isUuid, version as uuidVersion } from 'uuid';

const DAY_MS = 86_400_000;

/** How far into the past and the future the table's partitions reach, in days. */
export const PARTITION_DAYS = { past: 36, future: 7 } as const;
/**
 * Which ids go into the partitions. Narrower than the partitions themselves, so that two replicas whose clocks
 * differ, or that looked at different times, never miss a partition that they count on.
 */
const ACCEPTED_DAYS = { past: 35, future: 1 } as const;

/** The time in a UUIDv7, in milliseconds of the epoch: RFC 9562, section 5.7. */
export function uuidv7Time(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

function belongsToPartitions(id: string, now: number): boolean {
  if (!isUuid(id) || uuidVersion(id) !== 7) return false;
  const time = uuidv7Time(id);
  return time >= now - ACCEPTED_DAYS.past * DAY_MS && time < now + ACCEPTED_DAYS.future * DAY_MS;
}

/*
 * An id can move from one table to the other as time passes. So each looks into the other as well; the plain one
 * is nearly always empty, and the look into the partitioned one touches one partition.
 */
const CLAIM_IN_PARTITIONS = {
  name: 'warren-claim',
  text: `
  INSERT INTO inbox (message_id, consumer)
  SELECT $1::uuid, $2::text
  WHERE NOT EXISTS (SELECT 1 FROM inbox_other WHERE consumer = $2 AND source = $3 AND message_id = $4)
  ON CONFLICT DO NOTHING`,
};
const CLAIM_PLAIN = {
  name: 'warren-claim-other',
  text: `
  INSERT INTO inbox_other (consumer, source, message_id) VALUES ($1, $2, $3)
  ON CONFLICT DO NOTHING`,
};
const CLAIM_PLAIN_UUID = {
  name: 'warren-claim-other-uuid',
  text: `
  INSERT INTO inbox_other (consumer, source, message_id) SELECT $1::text, $2::text, $3::text
  WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE message_id = $4::uuid AND consumer = $1)
  ON CONFLICT DO NOTHING`,
};

/**
 * The statement that claims a message for a consumer, inside the transaction of its effect. Of two transactions that
 * claim the same message the second waits for the first. It touches no row when the message had its effect already.
 */
export function claimOf({ id, source }: EventEnvelope, consumer: string): NamedStatement {
  if (belongsToPartitions(id, Date.now()))
    return { ...CLAIM_IN_PARTITIONS, values: [id, consumer, source, id] };
  return isUuid(id)
    ? { ...CLAIM_PLAIN_UUID, values: [consumer, source, id, id] }
    : { ...CLAIM_PLAIN, values: [consumer, source, id] };
}

/**
 * Claims a message as {@link claimOf} says.
 *
 * @returns false when the message had its effect already
 */
export async function claimMessage(
  tx: EntityManager,
  envelope: EventEnvelope,
  consumer: string,
): Promise<boolean> {
  const { text, values } = claimOf(envelope, consumer);
  const { affected } = await tx.queryRunner!.query(text, values, true);
  return affected === 1;
}

const CLAIM_MANY_IN_PARTITIONS = `
  INSERT INTO inbox (message_id, consumer)
  SELECT m.id, $1::text FROM unnest($2::uuid[], $3::text[]) AS m (id, source)
  WHERE NOT EXISTS (
    SELECT 1 FROM inbox_other o WHERE o.consumer = $1 AND o.source = m.source AND o.message_id = m.id::text
  )
  ORDER BY m.id -- the same order in every replica: no deadlock
  ON CONFLICT DO NOTHING RETURNING message_id`;

/**
 * Claims many messages at once; see {@link claimMessage}.
 *
 * @returns those that had no effect yet, in the order given; of several with one identity the first
 */
export async function claimMessages<M extends { envelope: EventEnvelope }>(
  tx: EntityManager,
  messages: readonly M[],
  consumer: string,
): Promise<M[]> {
  const now = Date.now();
  const many = messages.filter(({ envelope }) => belongsToPartitions(envelope.id, now));
  const claimed = new Set<string>();
  if (many.length > 0) {
    const rows = (await tx.query(CLAIM_MANY_IN_PARTITIONS, [
      consumer,
      many.map(({ envelope }) => envelope.id),
      many.map(({ envelope }) => envelope.source),
    ])) as { message_id: string }[];
    for (const { message_id: id } of rows) claimed.add(id);
  }
  const fresh: M[] = [];
  for (const message of messages) {
    const { envelope } = message;
    const isFresh = belongsToPartitions(envelope.id, now)
      ? claimed.delete(envelope.id.toLowerCase())
      : await claimMessage(tx, envelope, consumer);
    if (isFresh) fresh.push(message);
  }
  return fresh;
}

/** Whether a message had its effect already, without claiming it. */
export async function wasHandled(
  db: EntityManager,
  envelope: EventEnvelope,
  consumer: string,
): Promise<boolean> {
  const { id, source } = envelope;
  const [row] = (await db.query(
    `SELECT EXISTS (SELECT 1 FROM inbox_other WHERE consumer = $1 AND source = $2 AND message_id = $3)
         ${isUuid(id) ? 'OR EXISTS (SELECT 1 FROM inbox WHERE message_id = $3::uuid AND consumer = $1)' : ''} AS handled`,
    [consumer, source, id],
  )) as { handled: boolean }[];
  return row!.handled;
}
