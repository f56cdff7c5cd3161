import { KILL_POINTS, type KillPoint } from './kill-points.ts';

/** What breaks a service of the rig from within. */
export interface SabotageConfig {
  /** File that every delivery is appended to. */
  deliveryLog: string;
  /** Where the process ends itself, and after how many messages have passed there. */
  kill: { point: KillPoint; after: number } | undefined;
}

/**
 * Reads RIG_DELIVERY_LOG (a file), RIG_KILL_POINT (one of the kill points) and RIG_KILL_AFTER (messages).
 *
 * @throws when one is missing or can't be used
 */
export function sabotageConfig(env: NodeJS.ProcessEnv = process.env): SabotageConfig {
  const { RIG_DELIVERY_LOG: deliveryLog, RIG_KILL_POINT: point, RIG_KILL_AFTER: after } = env;
  if (!deliveryLog) throw new TypeError('RIG_DELIVERY_LOG must name the file for deliveries');
  if (!point) return { deliveryLog, kill: undefined };
  if (!KILL_POINTS.some((known) => known === point)) {
    throw new TypeError(`RIG_KILL_POINT is "${point}" and must be one of ${KILL_POINTS.join(', ')}`);
  }
  const count = Number(after);
  if (!Number.isInteger(count) || count < 1) {
    throw new TypeError(`RIG_KILL_AFTER is "${after}" and must be a positive number of messages`);
  }
  return { deliveryLog, kill: { point: point as KillPoint, after: count } };
}
