import { eventually } from '@warren/testing';
import { connect } from 'amqplib';
import type { Scenario } from '../scenario.ts';
import type { ServiceProcess } from '../service-process.ts';
import type { Fault } from './fault.ts';

const QUEUE = 'rig-consumer.items';
const BLOCKED = 'RabbitMQ blocks publishers';
const REFUSED = 'kept in the outbox: the broker refused';

/** Waits until the broker has been seen to hold up the producer, and something has piled up behind it. */
async function starve(scenario: Scenario): Promise<void> {
  const [producer] = scenario.stage.producers;
  const from = producer!.written;
  // The alarm takes seconds to raise, in which a small load would be through.
  await scenario.stage.database.whileLoadIsHeld(() => scenario.servers.raiseMemoryAlarm());
  try {
    await producer!.untilLine(BLOCKED, { from });
    await eventually(async () => {
      if ((await scenario.waiting()) === 0) throw new Error('nothing piles up in the outbox');
    });
  } finally {
    await scenario.servers.clearMemoryAlarm();
  }
}

/** Deletes the consumer's queue at a moment when it is empty, and lets commands come while there is none. */
async function deleteQueue(scenario: Scenario): Promise<void> {
  const { stage } = scenario;
  const [consumer] = stage.consumers;
  const from = consumer!.written;
  await stage.database.whileLoadIsHeld(async () => {
    await scenario.untilCaughtUp();
    const model = await connect(stage.amqpUrl);
    const channel = await model.createChannel();
    const { messageCount } = await channel.deleteQueue(QUEUE);
    await model.close();
    if (messageCount > 0) throw new Error(`${messageCount} messages were deleted with the queue`);
  });
  await consumer!.untilLine(`${QUEUE} is not consumed`, { from });
  await eventually(async () => {
    const found = await scenario.servers.management.call<{ consumers?: number }>(
      'GET',
      `/queues/${stage.name}/${QUEUE}`,
    );
    if (!found.consumers) throw new Error('nobody consumes the new queue');
  });
}

/** Has the tap take less than comes, until the broker has refused some messages of several batches. */
async function refuse(scenario: Scenario): Promise<void> {
  const [producer] = scenario.stage.producers;
  const from = producer!.written;
  await scenario.stage.tap.trickle();
  try {
    await producer!.untilLine(REFUSED, { from, times: 3 });
  } finally {
    await scenario.stage.tap.flow();
  }
}

/** How many messages the relays have kept for a reason: a line names one, and says how many more there were. */
function messagesIn(services: readonly ServiceProcess[], reason: string): number {
  const lines = services.flatMap((service) => service.lines(reason));
  return lines.reduce((sum, line) => sum + 1 + Number(/ and (\d+) more kept/.exec(line)?.[1] ?? 0), 0);
}

export const brokerFaults: readonly Fault[] = [
  {
    name: 'broker-killed',
    description: 'SIGKILL of the broker, and a start on the same data',
    times: { full: 6, small: 1 },
    async make(scenario) {
      await scenario.repeat(() => scenario.servers.killBroker());
      return undefined;
    },
  },
  {
    name: 'channel-closed',
    description: 'the broker closes all channels of both services with an error (406 and 404)',
    times: { full: 20, small: 2 },
    async make(scenario) {
      await scenario.repeat(async () => {
        for (const service of scenario.stage.services) service.signal('SIGUSR2');
      });
      return undefined;
    },
  },
  {
    name: 'queue-deleted',
    description:
      "the consumer's queue is deleted while it is empty and the load held, and declared again by the consumer; all messages are commands",
    times: { full: 10, small: 2 },
    commandPercent: 100,
    async make(scenario) {
      await scenario.repeat(() => deleteQueue(scenario));
      return `${messagesIn(scenario.stage.producers, 'no queue receives')} commands came back because no queue received them, and were sent again`;
    },
  },
  {
    name: 'memory-alarm',
    description: 'the broker is out of memory (`set_vm_memory_high_watermark`) and blocks publishers',
    times: { full: 8, small: 1 },
    async make(scenario) {
      await scenario.repeat(() => starve(scenario));
      return undefined;
    },
  },
  {
    name: 'publishes-refused',
    description:
      "a queue beside the consumer's is full again and again and rejects, so that the broker nacks some publishes of both services; 20 items, so that much waits for each",
    times: { full: 12, small: 2 },
    boundedTap: true,
    items: 20,
    async make(scenario) {
      await scenario.repeat(() => refuse(scenario));
      return `${messagesIn(scenario.stage.services, REFUSED)} publishes were refused`;
    },
  },
];
