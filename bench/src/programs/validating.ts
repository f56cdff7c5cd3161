import { allContracts, assertData, validateData, validateInstance } from '@warren/contracts';
import { answerCalls } from './answer-calls.ts';

export type Validator = 'warren' | 'class-validator';

/** Every event of the system, as it comes from the wire. */
const events = allContracts
  .filter(({ kind }) => kind === 'event')
  .map(({ type, dataClass, example }) => ({
    type,
    dataClass,
    data: JSON.parse(JSON.stringify(example)) as object,
  }));

type Event = (typeof events)[number];

const ways: Record<Validator, { consume: (event: Event) => void; publish: (event: Event) => void }> = {
  warren: {
    consume: ({ dataClass, data }) => validateData(dataClass, data, 'ignore'),
    publish: ({ dataClass, data }) => assertData(dataClass, data, 'refuse'),
  },
  'class-validator': {
    consume: ({ type, dataClass, data }) => validateInstance(type, dataClass, data, 'ignore'),
    publish: ({ type, dataClass, data }) => validateInstance(type, dataClass, data, 'refuse'),
  },
};

/** CPU time of one event in microseconds, over all kinds of events alike. */
function costOf(work: (event: Event) => void, rounds: number): number {
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) for (const event of events) work(event);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (rounds * events.length);
}

const methods = {
  async validate({
    validator,
    rounds,
  }: {
    validator: Validator;
    rounds: number;
  }): Promise<{ consume: number; publish: number }> {
    const { consume, publish } = ways[validator];
    return { consume: costOf(consume, rounds), publish: costOf(publish, rounds) };
  },
};

export type ValidatingMethods = typeof methods;
answerCalls(methods);
