import { randomBytes } from 'node:crypto';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { allContracts } from '@warren/contracts';
import { testServers } from '@warren/testing';
import { Client } from 'pg';
import { passwordsInMemory } from './passwords.ts';
import { deprovision, provision, type ProvisionedSystem } from './provision.ts';
import { GUEST, GUEST_PRODUCER, RIGHTS, SERVICES, type ServiceName } from './rights.ts';

const name = `test-provision-${process.pid}-${randomBytes(4).toString('hex')}`;
const options = {
  ...renamed(testServers()),
  vhost: name,
  database: name,
  accountPrefix: `${name}-`,
  passwords: passwordsInMemory(),
};
let system: ProvisionedSystem;

function renamed({ amqpUrl, managementUrl, databaseUrl }: ReturnType<typeof testServers>) {
  return { amqpUrl, managementUrl, databaseUrl };
}

beforeAll(async () => {
  system = await provision(options);
});

afterAll(() => deprovision(options));

/** Does something on a channel of its own, and returns 'done' or the code with which the broker closed the channel. */
async function attempt(
  url: string,
  act: (channel: ConfirmChannel) => Promise<unknown>,
): Promise<number | 'done'> {
  const connection: ChannelModel = await connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    const refused = new Promise<number>((resolve) => {
      channel.once('error', (error: { code: number }) => resolve(error.code));
    });
    const done = act(channel).then(
      () => 'done' as const,
      (error: { code?: number }) => {
        if (error.code === undefined) return refused; // the confirm was lost with the channel
        return error.code;
      },
    );
    return await Promise.race([refused, done]);
  } finally {
    await connection.close();
  }
}

function publish(exchange: string, key: string) {
  return async (channel: ConfirmChannel) => {
    channel.publish(exchange, key, Buffer.from('{}'));
    await channel.waitForConfirms();
  };
}

const urlOf = (service: ServiceName) => system.services[service].amqpUrl;

describe('the rights on the broker', () => {
  beforeAll(async () => {
    for (const service of SERVICES) {
      for (const exchange of RIGHTS[service].owns) {
        const outcome = await attempt(urlOf(service), (channel) => channel.assertExchange(exchange, 'topic'));
        expect([service, exchange, outcome]).toEqual([service, exchange, 'done']);
      }
    }
    await attempt(urlOf('gateway'), (channel) => channel.assertExchange('gateway.replies', 'direct'));
  });

  // Replies go to the exchange of whoever asked; all other contracts name theirs.
  const published = allContracts.filter(({ exchange }) => exchange !== '');

  it.each(published.map((contract) => [contract.publishedBy, contract.type, contract.exchange]))(
    'let %s publish %s to %s',
    async (service, type, exchange) => {
      expect(await attempt(urlOf(service as ServiceName), publish(exchange, type))).toBe('done');
    },
  );

  it.each(published.map((contract) => [contract.type, contract.exchange, contract.publishedBy]))(
    'let nobody but its publisher, and of orders who is trusted with them, say %s',
    async (type, exchange, publisher) => {
      for (const service of SERVICES.filter((candidate) => candidate !== publisher)) {
        expect([service, await attempt(urlOf(service), publish(exchange, type))]).toEqual([service, 403]);
      }
      expect(await attempt(system.guestAmqpUrl, publish(exchange, type))).toBe(403);
      const ofProducer = await attempt(system.guestProducerAmqpUrl, publish(exchange, type));
      expect([GUEST_PRODUCER, ofProducer]).toEqual([
        GUEST_PRODUCER,
        type === 'order.place.v1' ? 'done' : 403,
      ]);
    },
  );

  it.each(SERVICES)('keep %s from the default exchange, which reaches every queue', async (service) => {
    expect(await attempt(urlOf(service), publish('', 'gateway.order-view'))).toBe(403);
  });

  it('let a service make, bind and read queues of its own name, and dead-letter within them', async () => {
    const outcome = await attempt(urlOf('email-service'), async (channel) => {
      await channel.assertExchange('email-service.dead-letter', 'topic');
      await channel.assertQueue('email-service.trial.dead', { arguments: { 'x-queue-type': 'quorum' } });
      await channel.bindQueue('email-service.trial.dead', 'email-service.dead-letter', 'email-service.trial');
      await channel.assertQueue('email-service.trial', {
        deadLetterExchange: 'email-service.dead-letter',
        arguments: { 'x-queue-type': 'quorum' },
      });
      await channel.bindQueue('email-service.trial', 'orders.events', 'order.*.v1');
      await channel.get('email-service.trial');
      await channel.deleteQueue('email-service.trial');
    });

    expect(outcome).toBe('done');
  });

  it('let order-service answer into gateway.replies, and nobody else', async () => {
    expect(await attempt(urlOf('order-service'), publish('gateway.replies', 'gateway.replies.one'))).toBe(
      'done',
    );
    expect(await attempt(urlOf('email-service'), publish('gateway.replies', 'gateway.replies.one'))).toBe(
      403,
    );
    expect(await attempt(system.guestAmqpUrl, publish('gateway.replies', 'gateway.replies.one'))).toBe(403);
  });

  it("keep a service from making, reading and emptying another's queues and exchanges", async () => {
    await attempt(urlOf('gateway'), (channel) => channel.assertQueue('gateway.trial'));
    const url = urlOf('file-worker');

    expect(await attempt(url, (channel) => channel.get('gateway.trial'))).toBe(403);
    expect(await attempt(url, (channel) => channel.purgeQueue('gateway.trial'))).toBe(403);
    expect(await attempt(url, (channel) => channel.deleteQueue('gateway.trial'))).toBe(403);
    expect(await attempt(url, (channel) => channel.assertQueue('gateway.another'))).toBe(403);
    expect(await attempt(url, (channel) => channel.assertQueue('file-workers'))).toBe(403);
    expect(await attempt(url, (channel) => channel.assertExchange('users.events.copy', 'topic'))).toBe(403);
    expect(await attempt(url, (channel) => channel.deleteExchange('users.events'))).toBe(403);
  });

  it('keep a service from subscribing to an exchange that it has no business with', async () => {
    const outcome = await attempt(urlOf('file-worker'), async (channel) => {
      await channel.assertQueue('file-worker.trial');
      await channel.bindQueue('file-worker.trial', 'users.events', '#');
    });

    expect(outcome).toBe(403);
  });
});

describe(GUEST, () => {
  it.each([['guest-consumer.trial'], ['']])(
    'may bind a queue of its own, called "%s", to events',
    async (queue) => {
      const outcome = await attempt(system.guestAmqpUrl, async (channel) => {
        const { queue: given } = await channel.assertQueue(queue, { exclusive: true });
        await channel.bindQueue(given, 'orders.events', 'order.#');
        await channel.bindQueue(given, 'emails.events', '#');
        await channel.consume(given, () => undefined, { noAck: true });
      });

      expect(outcome).toBe('done');
    },
  );

  it('may not listen to commands or replies', async () => {
    for (const exchange of ['orders.commands', 'gateway.replies']) {
      const outcome = await attempt(system.guestAmqpUrl, async (channel) => {
        const { queue } = await channel.assertQueue('', { exclusive: true });
        await channel.bindQueue(queue, exchange, '#');
      });
      expect([exchange, outcome]).toEqual([exchange, 403]);
    }
  });

  it('may not read, fill or make queues of the services', async () => {
    await attempt(urlOf('gateway'), (channel) => channel.assertQueue('gateway.trial'));

    expect(await attempt(system.guestAmqpUrl, (channel) => channel.get('gateway.trial'))).toBe(403);
    expect(await attempt(system.guestAmqpUrl, publish('', 'gateway.trial'))).toBe(403);
    expect(await attempt(system.guestAmqpUrl, (channel) => channel.assertQueue('guest-consumers'))).toBe(403);
    const intoCommands = { deadLetterExchange: 'orders.commands', messageTtl: 1 };
    expect(
      await attempt(system.guestAmqpUrl, (channel) =>
        channel.assertQueue('guest-consumer.loop', intoCommands),
      ),
    ).toBe(403);
  });
});

describe(GUEST_PRODUCER, () => {
  it('may send orders, and make, bind, read and fill nothing', async () => {
    const url = system.guestProducerAmqpUrl;
    await attempt(urlOf('gateway'), (channel) => channel.assertQueue('gateway.trial'));

    expect(await attempt(url, publish('orders.commands', 'order.place.v1'))).toBe('done');
    expect(await attempt(url, publish('orders.commands', 'product.list.v1'))).toBe(403);
    expect(await attempt(url, publish('', 'gateway.trial'))).toBe(403);
    expect(await attempt(url, publish('orders.events', 'order.place.v1'))).toBe(403);
    expect(await attempt(url, (channel) => channel.get('gateway.trial'))).toBe(403);
    for (const queue of ['', 'guest-producer.trial', 'guest-consumer.trial']) {
      const outcome = await attempt(url, (channel) => channel.assertQueue(queue, { exclusive: true }));
      expect([queue, outcome]).toEqual([queue, 403]);
    }
  });
});

describe('the rights in the database', () => {
  async function ask(url: string, sql: string): Promise<unknown[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }

  it('give each role its own schema, in which it finds and makes tables without naming it', async () => {
    for (const service of SERVICES) {
      const { databaseUrl } = system.services[service];
      await ask(databaseUrl, 'CREATE TABLE trial (id int)');
      const schema = service.replaceAll('-', '_');
      expect(
        await ask(
          databaseUrl,
          "SELECT schemaname FROM pg_tables WHERE tablename = 'trial' AND schemaname = current_schema()",
        ),
      ).toEqual([{ schemaname: schema }]);
    }
  });

  it("keep each role from everybody else's schema and from making others", async () => {
    await expect(
      ask(system.services['order-service'].databaseUrl, 'SELECT * FROM gateway.trial'),
    ).rejects.toThrow('permission denied for schema gateway');
    for (const sql of [
      'CREATE TABLE public.trial (id int)',
      'CREATE SCHEMA another',
      'CREATE ROLE another',
    ]) {
      await expect(ask(system.services.gateway.databaseUrl, sql)).rejects.toThrow('permission denied');
    }
  });

  it('can be given by a role that is no superuser', async () => {
    const role = `${name}-operator`;
    const database = `${name}-second`;
    const { databaseUrl } = options;
    await ask(databaseUrl, `CREATE ROLE "${role}" LOGIN CREATEDB CREATEROLE PASSWORD 'trial'`);
    const url = new URL(databaseUrl);
    url.username = role;
    url.password = 'trial';
    const second = {
      ...options,
      vhost: database,
      database,
      accountPrefix: `${database}-`,
      databaseUrl: url.href,
    };
    try {
      const made = await provision(second);
      await provision(second);
      expect(await ask(made.services.gateway.databaseUrl, 'SELECT current_schema() AS schema')).toEqual([
        { schema: 'gateway' },
      ]);
    } finally {
      await deprovision(second);
      await ask(databaseUrl, `DROP ROLE "${role}"`);
    }
  });
});

describe('provisioning', () => {
  it('changes nothing the second time', async () => {
    expect(await provision(options)).toEqual(system);
    expect(await attempt(urlOf('gateway'), (channel) => channel.checkExchange('users.events'))).toBe('done');
  });
});
