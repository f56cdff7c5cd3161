import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { OrderView } from '../storage/order-views.ts';

const COLUMNS = `
  v.id, v.status, v.reason, v.lines, v.total, v.version,
  coalesce((SELECT json_agg(json_build_object('type', h.type, 'at', h.at) ORDER BY h.version)
              FROM order_history h WHERE h.order_id = v.id), '[]') AS history`;

interface OrderRow extends Omit<OrderView, 'version'> {
  /** A bigint, which the driver gives as text. */
  version: string;
}

function viewOf(row: OrderRow): OrderView {
  return {
    id: row.id,
    status: row.status,
    reason: row.reason,
    lines: row.lines,
    total: row.total,
    version: Number(row.version),
    history: row.history.map(({ type, at }) => ({ type, at: new Date(at).toISOString() })),
  };
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
    return rows.map(viewOf);
  }
}
