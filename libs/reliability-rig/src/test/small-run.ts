import { jest } from '@jest/globals';
import type { Fault } from '../faults/fault.ts';
import { Rig } from '../rig.ts';

const MESSAGES = 200;
const RATE = 500;
// Only to find a run that hangs: a busy machine may take its time.
const PATIENCE_MS = 400_000;

/** Makes each fault once or a few times, with few messages. One broker and one database serve all of them. */
export function describeSmallRuns(what: string, faults: readonly Fault[]): void {
  jest.setTimeout(PATIENCE_MS);

  describe(what, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await Rig.open();
    });
    afterAll(() => rig.close());

    it.each(faults.filter(({ fullOnly }) => !fullOnly).map((fault) => [fault.description, fault] as const))(
      'loses nothing, doubles nothing and keeps the order: %s',
      async (_description, fault) => {
        const figures = await rig.run(fault, { messages: MESSAGES, times: fault.times.small, rate: RATE });
        expect(figures).toMatchObject({ violations: [], messages: MESSAGES, faults: fault.times.small });
      },
    );
  });
}
