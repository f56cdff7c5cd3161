import { Injectable } from '@nestjs/common';
import { contractOf, OrderCancellationRefusedV1, type CancellationRefusal } from '@warren/contracts';
import { DataSource } from 'typeorm';
import { isGapless, type Followed } from './followed.ts';
import { CANCELLATION_REQUESTED, type CancellationView, type OrderView } from '../storage/order-views.ts';

/** By version, and things without one (0) by their time. */
const COLUMNS = `
  v.id, v.status, v.reason, v.lines, v.total,
  coalesce((SELECT json_agg(json_build_object('version', h.version, 'type', h.type, 'at', h.at, 'reason', h.reason)
                            ORDER BY h.version, h.at)
              FROM order_history h WHERE h.order_id = v.id), '[]') AS history`;

/** The row in the history that the gateway has known of for the shortest time. */
const QUIET = `
  extract(epoch FROM now() - (SELECT max(h.seen_at) FROM order_history h WHERE h.order_id = v.id))::float8 * 1000
    AS "quietMs"`;

const FINAL: readonly OrderView['status'][] = ['confirmed', 'rejected', 'cancelled'];

interface HistoryRow {
  version: number;
  type: string;
  /** RFC 3339, with whatever offset the connection has. */
  at: string;
  reason: string | null;
}

interface OrderRow extends Pick<OrderView, 'id' | 'status' | 'reason' | 'lines' | 'total'> {
  history: HistoryRow[];
}

const historyOf = ({ history }: OrderRow): HistoryRow[] =>
  inOrder(history.map((row) => ({ ...row, at: new Date(row.at).toISOString() })));

function viewOf(row: OrderRow, history = historyOf(row)): OrderView {
  const { id, status, reason, lines, total } = row;
  return {
    id,
    status,
    reason,
    lines,
    total,
    cancellation: cancellationOf(status, history),
    version: Math.max(0, ...history.map(({ version }) => version)),
    history: history.map(({ type, at }) => ({ type, at })),
  };
}

function followed({ quietMs, ...row }: OrderRow & { quietMs: number | null }): Followed<OrderView> {
  const history = historyOf(row);
  const view = viewOf(row, history);
  return {
    view,
    entries: history,
    isFinal: FINAL.includes(view.status) && view.cancellation?.status !== 'requested' && isGapless(history),
    quietMs: quietMs ?? 0,
  };
}

/**
 * The request for a cancellation has no version: it stands behind the last event that happened before it. So the
 * history is the same in whatever order its parts became known.
 */
function inOrder(history: HistoryRow[]): HistoryRow[] {
  const request = history.find(({ type }) => type === CANCELLATION_REQUESTED);
  if (!request) return history;
  const others = history.filter((each) => each !== request);
  const behind = others.findLastIndex(({ version, at }) => version === 0 || at <= request.at);
  return others.toSpliced(behind + 1, 0, request);
}

/** A refusal stays when it is requested again: it is told once for each order. */
function cancellationOf(
  status: OrderView['status'],
  history: readonly HistoryRow[],
): CancellationView | null {
  if (status === 'cancelled' || status === 'rejected') return null;
  const refused = history.find(({ type }) => type === contractOf(OrderCancellationRefusedV1).type);
  if (refused) {
    return { status: 'refused', reason: refused.reason as CancellationRefusal, refusedAt: refused.at };
  }
  const requested = history.find(({ type }) => type === CANCELLATION_REQUESTED);
  return requested ? { status: 'requested', requestedAt: requested.at } : null;
}

/** Reads the gateway's own view, so it works while order-service is down. A customer finds only what is theirs. */
@Injectable()
export class ViewOrders {
  constructor(private readonly dataSource: DataSource) {}

  async one(customerId: string, orderId: string): Promise<OrderView | undefined> {
    const rows = await this.dataSource.query<OrderRow[]>(
      `SELECT ${COLUMNS} FROM order_views v WHERE v.id = $1 AND v.customer_id = $2`,
      [orderId, customerId],
    );
    return rows[0] && viewOf(rows[0]);
  }

  /**
   * The latest first. Ids are UUIDv7, so their order is that of time.
   *
   * @param before only orders with a smaller id than this
   */
  async latest(customerId: string, limit: number, before: string | undefined): Promise<OrderView[]> {
    const rows = await this.dataSource.query<OrderRow[]>(
      `SELECT ${COLUMNS} FROM order_views v
        WHERE v.customer_id = $1 ${before === undefined ? '' : 'AND v.id < $3'} ORDER BY v.id DESC LIMIT $2`,
      before === undefined ? [customerId, limit] : [customerId, limit, before],
    );
    return rows.map((row) => viewOf(row));
  }

  /** @param customerId whose orders they must be; without it anybody's are found */
  async follow(orderIds: readonly string[], customerId?: string): Promise<Followed<OrderView>[]> {
    const rows = await this.dataSource.query<(OrderRow & { quietMs: number | null })[]>(
      `SELECT ${COLUMNS}, ${QUIET} FROM order_views v
        WHERE v.id = ANY ($1) AND ($2::uuid IS NULL OR v.customer_id = $2)`,
      [orderIds, customerId ?? null],
    );
    return rows.map(followed);
  }

  /** How many things are known to have happened to each of these orders. */
  async countEntries(orderIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.dataSource.query<{ id: string; entries: number }[]>(
      `SELECT order_id AS id, count(*)::int AS entries FROM order_history WHERE order_id = ANY ($1) GROUP BY order_id`,
      [orderIds],
    );
    return new Map(rows.map(({ id, entries }) => [id, entries]));
  }
}
