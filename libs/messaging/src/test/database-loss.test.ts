import { eventually, publishRaw } from '@warren/testing';
import { defineTopology } from '../topology.ts';
import { ParcelMovedV1 } from './parcel-contracts.ts';
import { behaviours, RecordParcels } from './parcel-handlers.ts';
import { TestBench } from './test-service.ts';
import { strangersMessage } from './strangers-message.ts';

const topology = defineTopology({
  service: 'track-service',
  exchanges: ['parcels.events'],
  consumes: [{ queue: 'parcels', handles: [ParcelMovedV1], concurrency: 1, retryDelays: ['50ms'] }],
});

const bench = new TestBench();
beforeEach(() => bench.open());
afterEach(async () => {
  behaviours.clear();
  await bench.close();
});

describe('a database that is lost in the middle of a transaction', () => {
  it('costs the message no attempt, also when the handler hears of it only at its next statement', async () => {
    const service = await bench.start({ topology, controllers: [RecordParcels] });
    const attempts: number[] = [];
    behaviours.set('unlucky', async ({ attempt, tx }) => {
      attempts.push(attempt);
      if (attempts.length > 2) return;
      await bench.database.closeConnections();
      await eventually(() => expect(tx.queryRunner!.isReleased).toBe(true));
      await tx.query('SELECT 1');
    });
    await publishRaw(
      bench.broker.url,
      'parcels.events',
      'parcel.moved.v1',
      strangersMessage({ parcelId: 'p-1', step: 1, behaviour: 'unlucky' }),
    );
    // With two attempts in all, two that counted would have made it a dead letter.
    await eventually(async () => expect(await service.effects()).toHaveLength(1));
    expect(attempts).toEqual([1, 1, 1]);
  });
});
