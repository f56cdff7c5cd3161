import type { Scenario } from '../scenario.ts';
import type { Fault } from './fault.ts';

const LOST = 'connection to RabbitMQ lost';

/** Silence until both connections of every process were given up by their heartbeats. */
async function blackhole(scenario: Scenario): Promise<void> {
  const { services, brokerProxies } = scenario.stage;
  const from = services.map(({ written }) => written);
  for (const proxy of brokerProxies) proxy.blackhole();
  try {
    await Promise.all(services.map((service, n) => service.untilLine(LOST, { from: from[n]!, times: 2 })));
  } finally {
    for (const proxy of brokerProxies) await proxy.restore();
  }
}

/** Each way takes a while, for a share of the messages. */
async function slowDown(scenario: Scenario, delayMs: number): Promise<void> {
  const { brokerProxies } = scenario.stage;
  for (const proxy of brokerProxies) proxy.delay(delayMs);
  try {
    await scenario.untilWorkGoesOn(Math.round((scenario.messages / scenario.times) * 0.2));
  } finally {
    for (const proxy of brokerProxies) await proxy.restore();
  }
}

export const networkFaults: readonly Fault[] = [
  {
    name: 'connection-half-open',
    description: 'nothing passes between services and broker, and nobody is told, until heartbeats give up',
    times: { full: 5, small: 1 },
    async make(scenario) {
      await scenario.repeat(() => blackhole(scenario));
      return undefined;
    },
  },
  {
    name: 'connection-reset',
    description: 'all connections to the broker are reset',
    times: { full: 25, small: 3 },
    async make(scenario) {
      await scenario.repeat(async () => {
        for (const proxy of scenario.stage.brokerProxies) proxy.cut();
      });
      return undefined;
    },
  },
  {
    name: 'connection-slow',
    description: 'every byte to and from the broker takes 100 ms longer, for a fifth of the messages',
    times: { full: 5, small: 1 },
    async make(scenario) {
      await scenario.repeat(() => slowDown(scenario, 100));
      return undefined;
    },
  },
];
