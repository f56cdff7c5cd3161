import { countRepeated, readDeliveryLog, type LoggedDelivery } from './delivery-log.ts';
import type { Figures } from './figures.ts';
import { orderViolations, type Place } from './order.ts';
import type { RigDatabase } from './rig-database.ts';
import { DEAD_REASONS, type Behaviour } from './services/contracts.ts';
import { deadLetters, type DeadLetter, type Tap } from './tap.ts';

interface Committed extends Place {
  id: string;
  kind: 'event' | 'command';
  behaviour: Behaviour;
}

/** Everything that is left when all is quiet and the services have stopped. */
export interface Remains {
  committed: Committed[];
  effects: string[];
  followUps: (Place & { id: string; cause: string })[];
  confirmations: string[];
  longestGapMs: number;
  /** Rows that were never published. */
  unpublished: number;
  tapped: string[];
  dead: DeadLetter[];
  deadConfirmations: DeadLetter[];
  deliveries: LoggedDelivery[];
}

export type Counts = Pick<
  Figures,
  'deadLetters' | 'publishedTwice' | 'deliveredAgain' | 'redelivered' | 'longestGapMs' | 'violations'
>;

export async function collectRemains(parts: {
  database: RigDatabase;
  amqpUrl: string;
  tap: Tap;
  deliveryLog: string;
}): Promise<Remains> {
  const { database, amqpUrl, tap } = parts;
  const ids = async (table: string): Promise<string[]> =>
    (await database.rows<{ message_id: string }>(`SELECT message_id FROM ${table}`)).map(
      (row) => row.message_id,
    );
  return {
    committed: await database.rows(
      'SELECT message_id AS id, item, version, kind, behaviour FROM rig_producer.ledger',
    ),
    effects: await ids('rig_consumer.effects'),
    followUps: await database.rows(
      'SELECT message_id AS id, item, version, cause FROM rig_consumer.follow_ups',
    ),
    confirmations: await ids('rig_producer.confirmations'),
    longestGapMs: await database.number(
      `SELECT coalesce(max(extract(epoch FROM gap)) * 1000, 0)::int AS n
       FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap FROM rig_consumer.effects) AS gaps`,
    ),
    unpublished: await database.number(
      'SELECT (SELECT count(*) FROM rig_producer.outbox) + (SELECT count(*) FROM rig_consumer.outbox) AS n',
    ),
    tapped: await tap.messages(),
    dead: await deadLetters(amqpUrl, 'rig-consumer.items.dead'),
    deadConfirmations: await deadLetters(amqpUrl, 'rig-producer.confirmations.dead'),
    deliveries: readDeliveryLog(parts.deliveryLog),
  };
}

/**
 * Counts: every committed message had its effect exactly once or is a dead letter with its reason, nothing else had
 * one, and the messages of one item came in the order of their versions.
 *
 * @param replicas of the consumer; of several, the log does not say whose delivery was first
 */
export function judge(remains: Remains, replicas: number): Counts {
  const { committed, followUps, deliveries, tapped } = remains;
  const events = placesOf(committed.filter(({ kind }) => kind === 'event'));
  const counted = placesOf(followUps);
  const known = new Set([...committed, ...followUps].map(({ id }) => id));
  const deliveredFrom = (queue: string): string[] =>
    deliveries.filter((delivery) => delivery.queue === queue).map(({ id }) => id);
  return {
    deadLetters: new Set(remains.dead.map(({ id }) => id)).size,
    publishedTwice: tapped.length - new Set(tapped).size,
    deliveredAgain: countRepeated(deliveries),
    redelivered: deliveries.filter(({ redelivered }) => redelivered).length,
    longestGapMs: remains.longestGapMs,
    violations: [
      ...effectViolations(remains),
      ...followUpViolations(remains),
      ...some(
        'seen on the wire and never committed',
        [...new Set(tapped)].filter((id) => !known.has(id)),
      ),
      ...(remains.unpublished > 0 ? [`${remains.unpublished} outbox rows were never published`] : []),
      ...some('out of order as published', orderViolations(tapped, events)),
      ...some('follow-ups out of order as published', orderViolations(tapped, counted)),
      ...(replicas > 1
        ? []
        : [
            ...some(
              'out of order as delivered',
              orderViolations(deliveredFrom('rig-consumer.items'), placesOf(committed)),
            ),
            ...some(
              'follow-ups out of order as delivered',
              orderViolations(deliveredFrom('rig-producer.confirmations'), counted),
            ),
          ]),
    ],
  };
}

function placesOf(messages: readonly (Place & { id: string })[]): Map<string, Place> {
  return new Map(messages.map(({ id, item, version }) => [id, { item, version }]));
}

function effectViolations({ committed, effects, dead }: Remains): string[] {
  const times = timesOf(effects);
  const reasons = new Map(dead.map(({ id, reason }) => [id, reason]));
  const ids = new Set(committed.map(({ id }) => id));
  const lost: string[] = [];
  const both: string[] = [];
  const wrong: string[] = [];
  for (const { id, behaviour } of committed) {
    const reason = reasons.get(id);
    if (!times.has(id) && reason === undefined) lost.push(`${id} (${behaviour})`);
    if (times.has(id) && reason !== undefined) both.push(`${id} (${reason})`);
    if (reason !== undefined && reason !== DEAD_REASONS[behaviour])
      wrong.push(`${id} (${behaviour}: ${reason})`);
  }
  return [
    ...some('lost', lost),
    ...some(
      'had their effect more than once',
      [...times].filter(([, n]) => n > 1).map(([id]) => id),
    ),
    ...some('had an effect and are dead letters', both),
    ...some('are dead letters for a reason that is not theirs', wrong),
    ...some(
      'had an effect and were never committed',
      [...times.keys()].filter((id) => !ids.has(id)),
    ),
    ...some(
      'are dead letters and were never committed',
      [...reasons.keys()].filter((id) => !ids.has(id)),
    ),
  ];
}

/** One follow-up for each effect, and each has its own effect once. */
function followUpViolations({ effects, followUps, confirmations, deadConfirmations }: Remains): string[] {
  const causes = timesOf(followUps.map(({ cause }) => cause));
  const times = timesOf(confirmations);
  const ids = new Set(followUps.map(({ id }) => id));
  return [
    ...some(
      'had an effect and not exactly one follow-up',
      effects.filter((id) => causes.get(id) !== 1),
    ),
    ...some(
      'follow-ups lost',
      [...ids].filter((id) => !times.has(id)),
    ),
    ...some(
      'follow-ups had their effect more than once',
      [...times].filter(([, n]) => n > 1).map(([id]) => id),
    ),
    ...some(
      'follow-ups had an effect and were never committed',
      [...times.keys()].filter((id) => !ids.has(id)),
    ),
    ...some(
      'follow-ups are dead letters',
      deadConfirmations.map(({ id, reason }) => `${id} (${reason})`),
    ),
  ];
}

function timesOf(ids: readonly string[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const id of ids) times.set(id, (times.get(id) ?? 0) + 1);
  return times;
}

function some(what: string, found: readonly string[]): string[] {
  if (found.length === 0) return [];
  const more = found.length > 3 ? `, and ${found.length - 3} more` : '';
  return [`${found.length} ${what}: ${found.slice(0, 3).join(', ')}${more}`];
}
