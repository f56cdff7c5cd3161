import type { EntityManager } from 'typeorm';

/**
 * Removes up to `limit` rows that are of no use any more, found by an index on what `condition` asks for: so no statement
 * holds many rows at a time. A row that is taken into use again meanwhile stays.
 *
 * @param condition SQL without parameters
 * @returns how many were removed; fewer than `limit` when there were no more
 */
export async function removeRows(
  manager: EntityManager,
  table: string,
  condition: string,
  limit: number,
): Promise<number> {
  const [, removed] = (await manager.query(
    `DELETE FROM ${table} WHERE ${condition} AND ctid = ANY (ARRAY (
       SELECT ctid FROM ${table} WHERE ${condition} LIMIT $1
     ))`,
    [limit],
  )) as [unknown, number];
  return removed;
}
