import { desiredTopology } from '../broker/desired-topology.ts';
import { ParcelMovedV1, SendParcelV1 } from '../test/parcel-contracts.ts';
import { defineTopology } from '../topology.ts';
import type { BrokerState } from './broker-state.ts';
import { compareTopologies } from './compare.ts';

const track = desiredTopology(
  defineTopology({
    service: 'track-service',
    exchanges: ['parcels.commands'],
    consumes: [{ queue: 'parcels', handles: [ParcelMovedV1, SendParcelV1], retryDelays: ['5s'] }],
  }),
);
const parcel = desiredTopology(defineTopology({ service: 'parcel-service', exchanges: ['parcels.events'] }));

/** The broker as the services want it. */
function state(): BrokerState {
  const all = [track, parcel];
  return {
    exchanges: all.flatMap(({ exchanges }) =>
      exchanges.map(({ name, type }) => ({ name, type, durable: true, arguments: {} })),
    ),
    queues: track.queues.map((queue) => actualQueue(queue.name, queue.arguments)),
    bindings: track.bindings.map((binding) => ({ ...binding, propertiesKey: binding.routingKey })),
  };
}

function actualQueue(name: string, args: Record<string, unknown> = {}, more: object = {}) {
  const none = { durable: true, exclusive: false, autoDelete: false, policy: {}, messages: 0, consumers: 0 };
  return { name, arguments: args, ...none, ...more };
}

const compare = (broker: BrokerState) => compareTopologies([track, parcel], broker);
const brief = (broker: BrokerState) =>
  compare(broker).differences.map(({ kind, what, mend }) => `${kind} ${what}: ${mend}`);

describe('the comparison of the broker with the descriptions', () => {
  it('finds nothing when all is as described', () => {
    expect(compare(state())).toEqual({ differences: [], notices: [] });
  });

  it('finds everything missing on an empty broker, in the order of creation', () => {
    const { differences } = compare({ exchanges: [], queues: [], bindings: [] });
    expect(differences.every(({ kind, mend }) => kind === 'missing' && mend === 'create')).toBe(true);
    expect(differences).toHaveLength(
      track.exchanges.length + 1 + track.queues.length + track.bindings.length,
    );
  });

  it('leaves a binding to a person when the exchange belongs to a service that is not looked at', () => {
    const { differences } = compareTopologies([track], { exchanges: [], queues: [], bindings: [] });
    const byHand = differences.filter(({ mend }) => mend === 'by-hand');
    expect(byHand.map(({ what }) => what)).toEqual([
      'binding of track-service.parcels to parcels.events by parcel.moved.v1',
    ]);
    expect(byHand[0]!.advice).toMatch(/parcels\.events is not there/);
  });

  it('names arguments that differ, and what to do with what the queue holds', () => {
    const broker = state();
    const queue = broker.queues.find(({ name }) => name === 'track-service.parcels')!;
    queue.arguments = { ...queue.arguments, 'x-delivery-limit': 3 };
    delete queue.arguments['x-overflow'];
    queue.messages = 12;
    const [difference] = compare(broker).differences;
    expect(difference).toMatchObject({ kind: 'different', mend: 'by-hand' });
    expect(difference!.detail).toBe(
      'x-delivery-limit is 3, wanted 50; x-overflow is not set, wanted reject-publish',
    );
    expect(difference!.advice).toMatch(/another name.*it holds 12 messages/);
  });

  it('names an exchange of another type', () => {
    const broker = state();
    broker.exchanges.find(({ name }) => name === 'parcels.events')!.type = 'fanout';
    expect(compare(broker).differences[0]!.detail).toBe('it is durable fanout, wanted is durable topic');
  });

  it('finds a binding that brings what nothing handles', () => {
    const broker = state();
    const routingKey = 'parcel.lost.v1';
    broker.bindings.push({
      exchange: 'parcels.events',
      queue: 'track-service.parcels',
      routingKey,
      propertiesKey: routingKey,
    });
    expect(brief(broker)).toEqual([
      'extra binding of track-service.parcels to parcels.events by parcel.lost.v1: prune',
    ]);
  });

  it.each([
    ['is empty', {}, 'prune', /deletes it/],
    ['is in use', { consumers: 1 }, 'by-hand', /another version/],
    ['holds messages', { messages: 3 }, 'by-hand', /still fills up/],
  ])('judges a queue of the service that nothing describes and that %s', (_what, more, mend, advice) => {
    const broker = state();
    broker.queues.push(actualQueue('track-service.old', {}, more));
    const [difference] = compare(broker).differences;
    expect(difference).toMatchObject({ kind: 'extra', what: 'queue track-service.old', mend });
    expect(difference!.advice).toMatch(advice);
  });

  it('knows what a queue was for that holds something', () => {
    const broker = state();
    broker.queues.push(actualQueue('track-service.parcels.retry.30s', {}, { messages: 3 }));
    broker.queues.push(actualQueue('track-service.old.dead', {}, { messages: 3 }));
    const [waiting, dead] = compare(broker).differences;
    expect(waiting!.advice).toMatch(/goes back by itself/);
    expect(dead!.advice).toMatch(/redriven or discarded/);
  });

  it('leaves alone what belongs to outsiders and to single processes', () => {
    const broker = state();
    const mine = [
      'guest-consumer.orders',
      'amq.gen-1234',
      'track-service.replies.1', // exclusive, below
    ];
    for (const name of mine) {
      broker.queues.push(actualQueue(name, {}, { exclusive: name.includes('replies') }));
      broker.bindings.push({
        exchange: 'parcels.events',
        queue: name,
        routingKey: '#',
        propertiesKey: '%23',
      });
    }
    expect(compare(broker)).toEqual({ differences: [], notices: [] });
  });

  it('gives notice of a queue that belongs to nobody, and of a policy that loses messages', () => {
    const broker = state();
    broker.queues.push(actualQueue('retired-service.jobs', {}, { messages: 7 }));
    broker.queues[0]!.policy = { 'message-ttl': 1_000 };
    expect(compare(broker)).toEqual({
      differences: [],
      notices: [
        { what: 'queue track-service.parcels.dead', advice: expect.stringMatching(/message-ttl 1000/) },
        { what: 'queue retired-service.jobs', advice: expect.stringMatching(/fills up/) },
      ],
    });
  });
});
