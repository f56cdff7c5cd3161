import { createTestBroker, eventually, publishRaw, type TestBroker } from '@warren/testing';
import { connect } from 'amqplib';
import { bindForeign, declareOwnTopology } from '../broker/declare-topology.ts';
import { mendTopology, planTopology } from '../topology-plan/topology-plan.ts';
import { defineTopology, type Topology } from '../topology.ts';
import { ParcelMovedV1, SendParcelV1, WeighParcelV1 } from './parcel-contracts.ts';

const consumes = [{ queue: 'parcels', handles: [ParcelMovedV1], retryDelays: ['5s', '30s'] }];
const track = defineTopology({
  service: 'track-service',
  exchanges: ['parcels.commands'],
  consumes,
  answers: [{ queue: 'queries', handles: [WeighParcelV1] }],
});
const parcel = defineTopology({
  service: 'parcel-service',
  exchanges: ['parcels.events'],
  asks: [WeighParcelV1],
});

let broker: TestBroker;
beforeEach(async () => {
  broker = await createTestBroker();
});
afterEach(() => broker.close());

const options = (...topologies: Topology[]) => ({
  topologies,
  managementUrl: broker.managementUrl,
  vhost: broker.vhost,
});

/** As the services themselves do it when they start. */
async function declare(...topologies: Topology[]): Promise<void> {
  const model = await connect(broker.url);
  const foreign = [];
  for (const topology of topologies) foreign.push(...(await declareOwnTopology(model, topology)));
  for (const binding of foreign) expect(await bindForeign(model, binding)).toBe(true);
  await model.close();
}

async function plannedFor(...topologies: Topology[]): Promise<string[]> {
  const { differences } = await planTopology(options(...topologies));
  return differences.map(({ kind, what, mend }) => `${kind} ${what}: ${mend}`);
}

describe('the plan for the topology', () => {
  it('finds nothing to do after the services have declared what they have', async () => {
    await declare(track, parcel);
    expect(await planTopology(options(track, parcel))).toEqual({ differences: [], notices: [] });
  });

  it('creates what the services would, to the last argument', async () => {
    const { differences } = await mendTopology(options(track, parcel));
    expect(differences).toEqual([]);
    await declare(track, parcel); // would be refused if an argument differed
  });

  it('names a queue that the service would refuse to start with, and does not touch it', async () => {
    await declare(track, parcel);
    const name = 'track-service.parcels.retry.30s';
    await broker.management.call('DELETE', `/queues/${broker.vhost}/${name}`);
    await broker.management.call('PUT', `/queues/${broker.vhost}/${name}`, { durable: true });
    const { differences } = await mendTopology({ ...options(track, parcel), prune: true });
    expect(differences).toContainEqual(
      expect.objectContaining({
        kind: 'different',
        what: `queue ${name}`,
        detail: expect.stringContaining('x-dead-letter-strategy is not set, wanted at-least-once'),
        mend: 'by-hand',
      }),
    );
  });

  it('removes what the service no longer describes, but only when told to', async () => {
    const before = defineTopology({
      service: 'track-service',
      exchanges: ['parcels.commands'],
      consumes: [
        { queue: 'parcels', handles: [ParcelMovedV1, SendParcelV1], retryDelays: ['5s', '30s', '5m'] },
      ],
      answers: [{ queue: 'queries', handles: [WeighParcelV1] }],
    });
    await declare(before, parcel);
    expect(await plannedFor(track, parcel)).toEqual([
      'extra queue track-service.parcels.retry.5m: prune',
      'extra binding of track-service.parcels to parcels.commands by parcel.send.v1: prune',
      'extra binding of track-service.parcels.retry.5m to track-service.retry by track-service.parcels.retry.5m: prune',
    ]);
    expect((await mendTopology(options(track, parcel))).differences).toHaveLength(3);
    const done: string[] = [];
    const { differences } = await mendTopology({
      ...options(track, parcel),
      prune: true,
      onDone: (what) => done.push(what),
    });
    expect(differences).toEqual([]);
    expect(done).toHaveLength(3);
    await declare(track, parcel);
  });

  it('stops the inflow of a queue that is described nowhere, and keeps what it holds', async () => {
    const withOld = defineTopology({
      service: 'track-service',
      exchanges: ['parcels.commands'],
      consumes: [...consumes, { queue: 'old', handles: [SendParcelV1], retryDelays: ['5s'] }],
      answers: [{ queue: 'queries', handles: [WeighParcelV1] }],
    });
    await declare(withOld, parcel);
    await publishRaw(broker.url, 'parcels.commands', 'parcel.send.v1', {});
    const { differences } = await mendTopology({ ...options(track, parcel), prune: true });
    expect(differences.map(({ what }) => what)).toEqual(['queue track-service.old']);
    // Nobody receives it any more, and the publisher of a command is told so.
    await expect(publishRaw(broker.url, 'parcels.commands', 'parcel.send.v1', {})).rejects.toThrow(
      /no queue receives/,
    );
    await eventually(async () => {
      const [difference] = (await planTopology(options(track, parcel))).differences;
      expect(difference).toMatchObject({ mend: 'by-hand', detail: '1 messages, 0 consumers' });
    });
  });

  it('says who may ask when its credentials are refused', async () => {
    const url = new URL(broker.managementUrl);
    url.password = 'wrong';
    await expect(planTopology({ ...options(track), managementUrl: url.href })).rejects.toThrow(
      /answered 401.*needs the tag/,
    );
  });
});
