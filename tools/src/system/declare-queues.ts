import { ManagementApi } from '../infrastructure/management-api.ts';
import { run } from '../processes/run.ts';
import { SERVICES, type ServiceName } from '../provision/rights.ts';
import { serviceCommand } from './service-process.ts';

export interface DeclareOptions {
  managementUrl: string;
  vhost: string;
  environmentOf(service: ServiceName): Record<string, string>;
  tell(message: string): void;
}

/**
 * The step of a deployment that comes before the first start: every service declares and binds its queues. Without
 * it an event of the first moments would not come to a service that binds its queue a moment later.
 *
 * It takes seconds, and is left out where each service has its queues already: they were bound when they were made.
 */
export async function declareQueues({
  managementUrl,
  vhost,
  environmentOf,
  tell,
}: DeclareOptions): Promise<void> {
  const management = new ManagementApi(managementUrl);
  const queues = (await management.get<{ name: string }[]>(`/queues/${encodeURIComponent(vhost)}`)) ?? [];
  const missing = SERVICES.some((service) => !queues.some(({ name }) => name.startsWith(`${service}.`)));
  if (!missing) return;
  tell('Declaring and binding the queues of every service');
  // At the same time, since each waits for the exchanges of the others.
  await Promise.all(
    SERVICES.map((service) => {
      const { program, args, env } = serviceCommand(service, environmentOf(service), ['declare']);
      return run(program, args, { env });
    }),
  );
}
