import type { Scenario } from '../scenario.ts';
import type { KillPoint } from '../services/kill-points.ts';
import type { Fault } from './fault.ts';

/** Of a hundred messages about this many pass a wait queue: see the producer's load. */
const RETRIES_PER_MESSAGE = 0.12;

/**
 * Has a service end itself by SIGKILL at a point in the path of a message, and starts it again, with the next point
 * in turn.
 *
 * @param passing how many times a message passes such a point, on average
 */
async function killAgainAndAgain(
  scenario: Scenario,
  service: 'producer' | 'consumer',
  points: readonly KillPoint[],
  passing: number,
): Promise<undefined> {
  const share = (scenario.messages * passing * 0.8) / scenario.times;
  const sabotage = (time: number): Record<string, string> => ({
    RIG_KILL_POINT: points[time % points.length]!,
    RIG_KILL_AFTER: String(Math.max(1, Math.round(share * (0.5 + Math.random() / 2)))),
  });
  await scenario.start({ [service]: sabotage(0) });
  const [process] = service === 'producer' ? scenario.stage.producers : scenario.stage.consumers;
  for (let time = 1; time <= scenario.times; time += 1) {
    await process!.untilKilled();
    scenario.countFault();
    await process!.start(time < scenario.times ? sabotage(time) : {});
  }
  await process!.untilListening();
  return undefined;
}

export const killPointFaults: readonly Fault[] = [
  {
    name: 'producer-killed-before-delete',
    description: 'SIGKILL of the producer when a batch is confirmed and its outbox rows are not deleted yet',
    times: { full: 20, small: 2 },
    make: (scenario) => killAgainAndAgain(scenario, 'producer', ['between-confirm-and-delete'], 1),
  },
  {
    name: 'consumer-killed-before-commit',
    description: 'SIGKILL of the consumer when inbox row, effect and follow-up are written and not committed',
    times: { full: 20, small: 2 },
    make: (scenario) => killAgainAndAgain(scenario, 'consumer', ['before-commit'], 1),
  },
  {
    name: 'consumer-killed-before-ack',
    description: 'SIGKILL of the consumer when the effect is committed and the message not acknowledged yet',
    times: { full: 20, small: 2 },
    make: (scenario) => killAgainAndAgain(scenario, 'consumer', ['between-commit-and-ack'], 0.98),
  },
  {
    name: 'consumer-killed-in-republish',
    description:
      'SIGKILL of the consumer before it sends a failed message to its wait queue, while the message is on its way, ' +
      'and before it acknowledges the original, in turn',
    times: { full: 21, small: 3 },
    make: (scenario) =>
      killAgainAndAgain(
        scenario,
        'consumer',
        ['before-republish', 'republish-in-flight', 'between-republish-and-ack'],
        RETRIES_PER_MESSAGE,
      ),
  },
];
