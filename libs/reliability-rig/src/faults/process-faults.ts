import type { Figures } from '../figures.ts';
import { stopViolations, type Scenario } from '../scenario.ts';
import { PREFETCH } from '../services/consumer.ts';
import type { ServiceProcess } from '../service-process.ts';
import type { Fault } from './fault.ts';

const RELAYS = 'this replica relays the outbox';

/** SIGTERM under load, and a start again. */
async function stopAndStart(scenario: Scenario, service: ServiceProcess, durations: number[]): Promise<void> {
  const stop = await service.stop();
  scenario.stage.unexpected.push(...stopViolations(stop));
  durations.push(stop.durationMs);
  await service.start();
}

function stopFault(service: 'producer' | 'consumer'): Fault {
  return {
    name: `${service}-stopped`,
    description: `SIGTERM of the ${service} under load, and a start again`,
    times: { full: 15, small: 2 },
    async make(scenario) {
      const [process] = service === 'producer' ? scenario.stage.producers : scenario.stage.consumers;
      const durations: number[] = [];
      await scenario.repeat(() => stopAndStart(scenario, process!, durations));
      return `the slowest stop took ${(Math.max(...durations) / 1_000).toFixed(1)} s; all exited with 0`;
    },
    // What was handed over and not begun goes back; nothing else may come again.
    check: ({ redelivered, faults }: Figures) =>
      redelivered > faults * PREFETCH
        ? [`${redelivered} redeliveries after ${faults} stops are more than a prefetch of ${PREFETCH} each`]
        : [],
  };
}

/** Kills the replica that relays, waits until the other has taken over, and starts the first again. */
async function killRelay(replicas: readonly ServiceProcess[], takeovers: number[]): Promise<void> {
  const active = replicas.find((replica) => replica.count(RELAYS) > 0);
  const other = replicas.find((replica) => replica !== active);
  if (!active || !other) throw new Error('no replica relays');
  const killedAt = performance.now();
  await active.kill();
  await other.untilLine(RELAYS);
  takeovers.push(performance.now() - killedAt);
  await active.start();
  await active.untilListening();
}

export const processFaults: readonly Fault[] = [
  {
    name: 'nothing',
    description: 'no fault: what the others are to be compared with',
    times: { full: 0, small: 0 },
    async make(scenario) {
      await scenario.start();
      return undefined;
    },
  },
  stopFault('producer'),
  stopFault('consumer'),
  {
    name: 'relay-taken-over',
    description:
      'two replicas of each service; SIGKILL of the one that relays, of producer and consumer in turn',
    times: { full: 12, small: 2 },
    replicas: 2,
    async make(scenario) {
      const { producers, consumers } = scenario.stage;
      const takeovers: number[] = [];
      await scenario.repeat((time) => killRelay(time % 2 === 0 ? producers : consumers, takeovers));
      return `the slowest takeover of the relay took ${(Math.max(...takeovers) / 1_000).toFixed(1)} s`;
    },
  },
];
