import { readFileSync } from 'node:fs';

/** One delivery as a process of the rig got it from the socket. */
export interface LoggedDelivery {
  queue: string;
  id: string;
  /** What the broker says: that it handed this message out before. */
  redelivered: boolean;
  failedAttempts: number;
}

/** In the order in which they came. All replicas write to the same file. */
export function readDeliveryLog(file: string): LoggedDelivery[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [queue, id, redelivered, failed] = line.split('\t');
      return { queue: queue!, id: id!, redelivered: redelivered === 'true', failedAttempts: Number(failed) };
    });
}

/** Deliveries of a message in the same attempt beyond the first: what came twice and need not have. */
export function countRepeated(deliveries: readonly LoggedDelivery[]): number {
  const distinct = new Set(
    deliveries.map(({ queue, id, failedAttempts }) => `${queue} ${id} ${failedAttempts}`),
  );
  return deliveries.length - distinct.size;
}
