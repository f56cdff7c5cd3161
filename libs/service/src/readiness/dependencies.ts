import type { MessagingStatus, Outbox, Topology } from '@warren/messaging';
import type { Dependency } from '@warren/observability';
import type { DataSource } from 'typeorm';

export function databaseDependency(dataSource: DataSource): Dependency {
  return {
    name: 'database',
    async check() {
      try {
        await dataSource.query('SELECT 1');
        return { status: 'up' };
      } catch (error) {
        const { code } = error as { code?: string };
        return { status: 'down', message: `the database does not answer${code ? ` (${code})` : ''}` };
      }
    },
  };
}

/** A worker is of use when messages flow in: every queue has a consumer that the broker serves. */
export function consumerDependencies(topology: Topology, status: MessagingStatus): Dependency[] {
  return [...topology.consumers, ...topology.answerers].map(({ queue }) => ({
    name: `queue ${queue}`,
    check() {
      const consumer = status.consumers().find((candidate) => candidate.queue === queue);
      return consumer?.consuming
        ? { status: 'up' }
        : { status: 'down', message: consumer?.reason ?? 'is not being consumed' };
    },
  }));
}

/** Accepts work as long as it can be kept. A broker that is away only delays it. */
export function outboxDependencies(outbox: Outbox, status: MessagingStatus, limit: number): Dependency[] {
  return [
    {
      name: 'outbox',
      async check() {
        const { rows } = await outbox.status({ countUpTo: limit });
        return rows < limit
          ? { status: 'up' }
          : { status: 'down', message: `${rows} messages wait in the outbox, and ${limit} is the limit` };
      },
    },
    {
      name: 'broker',
      check() {
        const { connected, blocked, reason } = status.publisher();
        if (connected && !blocked) return { status: 'up' };
        return {
          status: 'degraded',
          message: reason ?? (blocked ? 'the broker is blocked' : 'the broker is away'),
        };
      },
    },
  ];
}
