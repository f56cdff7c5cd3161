import { Controller, Injectable, Logger, Module, type Type } from '@nestjs/common';
import { eventually } from '@warren/testing';
import { createDataSource } from '../database/data-source.ts';
import { MiswiredService } from '../errors.ts';
import { HandleJob, Recurring, RecurringRun, type RecurringOptions } from '../schedule/handle-job.ts';
import type { JobContext } from '../schedule/job-context.ts';
import { Jobs } from '../schedule/jobs.ts';
import { RecurringJobs, type RecurringJobView } from '../schedule/recurring-jobs.ts';
import { ScheduledWork } from '../schedule/scheduled-work.ts';
import { defineTopology } from '../topology.ts';
import { CrateHandlers, Gate, MoveCrate } from './crate-jobs.ts';
import { TestBench, type TestService } from './test-service.ts';

const topology = defineTopology({ service: 'depot-service' });
const NEVER_IN_A_TEST = '0 0 1 1 *';
const bench = new TestBench();
let onRun: (run: RecurringRun, context: JobContext) => Promise<void> | void;

beforeAll(() => bench.open());
beforeEach(() => {
  onRun = () => undefined;
});
afterEach(async () => {
  await bench.stopServices();
  await bench.database.query('DROP SCHEMA IF EXISTS depot_service CASCADE');
});
afterAll(() => bench.close());

function counting(options: Partial<RecurringOptions> = {}): Type {
  @Controller()
  class CountStock {
    @Recurring({
      name: 'stock.count',
      cron: '* * * * * *',
      timeZone: 'Europe/Berlin',
      attempts: 1,
      ...options,
    })
    async count(run: RecurringRun, context: JobContext): Promise<void> {
      const at = run.scheduledFor.toISOString();
      await context.tx.query('INSERT INTO effects (parcel_id, step) VALUES ($1, $2)', [at, context.attempt]);
      await onRun(run, context);
    }
  }
  return CountStock;
}

/** A replica in this process. */
function replica(options: Partial<RecurringOptions> = {}): Promise<TestService> {
  return bench.start({ topology, controllers: [counting(options)], work: { pollIntervalMs: 100 } });
}

async function view(service: TestService): Promise<RecurringJobView> {
  return (await service.app.get(RecurringJobs).find('stock.count'))!;
}

const set = (columns: string) => bench.database.query(`UPDATE depot_service.recurring_jobs SET ${columns}`);

describe('a recurring job', () => {
  it('is shown with its next run, and is not run before', async () => {
    const service = await replica({ cron: '30 2 * * *' });
    await eventually(async () => expect(await view(service)).toBeDefined());
    const { nextRunAt, ...rest } = await view(service);
    expect(rest).toEqual({
      name: 'stock.count',
      cron: '30 2 * * *',
      timeZone: 'Europe/Berlin',
      paused: false,
      lastRun: null,
      lastSuccessAt: null,
      lastSkipped: null,
    });
    const berlin = new Intl.DateTimeFormat('de', { timeZone: 'Europe/Berlin', timeStyle: 'short' });
    expect(nextRunAt!.getTime()).toBeGreaterThan(Date.now());
    // On the day that the clocks go forward it is 3 o'clock.
    expect(berlin.format(nextRunAt!)).toMatch(/^0?(2:30|3:00)$/);
    expect(await service.app.get(RecurringJobs).list()).toHaveLength(1);
  });

  it('is run once at each of its times, however many replicas there are', async () => {
    const services = [await replica(), await replica(), await replica()];
    await eventually(async () => expect((await services[0]!.effects()).length).toBeGreaterThanOrEqual(4));
    await bench.stopServices();
    const rows = await bench.database.query<{ parcel_id: string }>(
      'SELECT parcel_id FROM depot_service.effects',
    );
    const times = rows.map(({ parcel_id }) => parcel_id);
    expect(new Set(times).size).toBe(times.length);
    expect(times.every((time) => time.endsWith('.000Z'))).toBe(true);
  });

  it('shows when its last run began and ended, how, and when one last succeeded', async () => {
    const service = await replica({ cron: NEVER_IN_A_TEST });
    const recurring = service.app.get(RecurringJobs);
    await eventually(async () => expect(await recurring.runNow('stock.count')).toBeDefined());
    const { lastSuccessAt } = await eventually(async () => {
      const shown = await view(service);
      expect(shown.lastRun).toMatchObject({
        state: 'done',
        scheduledFor: expect.any(Date),
        startedAt: expect.any(Date),
        finishedAt: expect.any(Date),
        lastError: null,
      });
      expect(shown.lastSuccessAt).toEqual(shown.lastRun!.finishedAt);
      return shown;
    });
    onRun = () => {
      throw new Error('a shelf has fallen over');
    };
    const failing = await recurring.runNow('stock.count');
    await eventually(async () =>
      expect(await view(service)).toMatchObject({
        lastRun: { jobId: failing, state: 'failed', lastError: 'a shelf has fallen over' },
        lastSuccessAt,
      }),
    );
    expect(await recurring.runNow('stock.burn')).toBeUndefined();
  });

  it('makes up for all the runs that it missed with one, which knows the first of them', async () => {
    const first = await replica({ cron: '0 * * * *' });
    await eventually(async () => expect(await view(first)).toBeDefined());
    await first.stop();
    await set(`next_run_at = date_trunc('hour', now()) - interval '7 h'`);
    const [{ missed }] = (await bench.database.query(
      `SELECT next_run_at AS missed FROM depot_service.recurring_jobs`,
    )) as [{ missed: Date }];
    const service = await replica({ cron: '0 * * * *' });
    await eventually(async () => expect((await view(service)).lastRun).toMatchObject({ state: 'done' }));
    expect((await service.effects()).map(({ parcel_id }) => parcel_id)).toEqual([missed.toISOString()]);
    expect((await view(service)).nextRunAt!.getTime()).toBeGreaterThan(Date.now());
  });

  it('skips the runs that it missed, when that is wanted, and says so', async () => {
    const first = await replica({ cron: '0 * * * *', missed: 'skip' });
    await eventually(async () => expect(await view(first)).toBeDefined());
    await first.stop();
    await set(`next_run_at = now() - interval '61 s'`);
    const service = await replica({ cron: '0 * * * *', missed: 'skip' });
    await eventually(async () =>
      expect(await view(service)).toMatchObject({ lastRun: null, lastSkipped: { reason: 'missed' } }),
    );
    expect((await view(service)).nextRunAt!.getTime()).toBeGreaterThan(Date.now());
    await set(`next_run_at = now() - interval '30 s'`);
    await eventually(async () => expect((await view(service)).lastRun).toMatchObject({ state: 'done' }));
    expect(await service.effects()).toHaveLength(1);
  });

  it.each([
    ['skips', 'skip', 1],
    ['does not skip', 'allow', 2],
  ] as const)('%s a time while the run before it has not ended', async (_what, overlap, inside) => {
    const gate = new Gate();
    onRun = (_run, context) => gate.pass(context, 'run');
    const service = await replica({ overlap });
    await eventually(() => expect(gate.inside).toHaveLength(inside));
    if (overlap === 'skip') {
      await eventually(async () =>
        expect((await view(service)).lastSkipped).toMatchObject({ reason: 'overlap' }),
      );
      expect(gate.inside).toHaveLength(1);
    }
    gate.open();
  });

  it('has other times from the start of a version on that declares others', async () => {
    const old = await replica({ cron: '0 0 1 1 *' });
    await eventually(async () => expect(await view(old)).toBeDefined());
    const service = await replica({ cron: '* * * * * *', timeZone: 'UTC' });
    await eventually(async () => expect((await view(service)).lastRun).toMatchObject({ state: 'done' }));
    expect(await view(service)).toMatchObject({ cron: '* * * * * *', timeZone: 'UTC' });
  });

  it('has no runs while it is paused, not even after a deployment', async () => {
    const first = await replica({ cron: NEVER_IN_A_TEST });
    await eventually(async () => expect(await view(first)).toBeDefined());
    expect(await first.app.get(RecurringJobs).pause('stock.count')).toBe(true);
    expect(await first.app.get(RecurringJobs).pause('stock.count')).toBe(false);
    await first.stop();
    const service = await replica();
    const recurring = service.app.get(RecurringJobs);
    await eventually(async () => expect((await view(service)).cron).toBe('* * * * * *'));
    const jobs = service.app.get(Jobs);
    await recurring.runNow('stock.count');
    await eventually(async () => expect(await jobs.list({ state: 'done' })).toHaveLength(1));
    expect(await view(service)).toMatchObject({ paused: true, nextRunAt: null });
    expect(await recurring.resume('stock.count')).toBe(true);
    expect(await recurring.resume('stock.count')).toBe(false);
    await eventually(async () =>
      expect((await jobs.list({ state: 'done' })).length).toBeGreaterThanOrEqual(2),
    );
  });

  it('that a clock has set far ahead is set right by the next start', async () => {
    const first = await replica({ cron: '0 * * * *' });
    await eventually(async () => expect(await view(first)).toBeDefined());
    await first.stop();
    await set(`next_run_at = '2090-01-01', declared_at = '2020-01-01'`);
    const service = await replica({ cron: '0 * * * *' });
    await eventually(async () =>
      expect((await view(service)).nextRunAt!.getTime()).toBeLessThanOrEqual(Date.now() + 3_600_000),
    );
  });

  it('does not come again when the clock is set back', async () => {
    const first = await replica({ cron: '0 * * * *' });
    await eventually(async () => expect(await view(first)).toBeDefined());
    await first.stop();
    // As if the last run had been at a time that is still to come.
    await set(
      `last_scheduled_for = date_trunc('hour', now()) + interval '1 h',
       next_run_at = date_trunc('hour', now()) + interval '2 h', declared_at = '2020-01-01'`,
    );
    const service = await replica({ cron: '0 * * * *' });
    await eventually(async () => {
      const [row] = await bench.database.query<{ fresh: boolean }>(
        `SELECT declared_at > now() - interval '1 min' AS fresh FROM depot_service.recurring_jobs`,
      );
      expect(row!.fresh).toBe(true);
    });
    expect((await view(service)).nextRunAt!.getTime()).toBeGreaterThan(Date.now() + 3_600_000);
  });

  it('is forgotten when no version has declared it for a day', async () => {
    const first = await replica({ name: 'stock.sell', cron: NEVER_IN_A_TEST });
    const list = (service: TestService) => service.app.get(RecurringJobs).list();
    await eventually(async () => expect(await list(first)).toHaveLength(1));
    await first.stop();
    await set(`declared_at = now() - interval '25 h'`);
    const service = await replica({ cron: NEVER_IN_A_TEST });
    await eventually(async () => expect(await list(service)).toMatchObject([{ name: 'stock.count' }]));
  });
});

describe('wiring of jobs', () => {
  const start = (...controllers: Type[]) => bench.start({ topology, controllers });

  it('is refused when two handlers claim one job', async () => {
    @Controller()
    class Another {
      @HandleJob(MoveCrate)
      async move(): Promise<void> {}
    }
    await expect(start(CrateHandlers, Another)).rejects.toThrow(/two handlers claim the job crates\.move/);
  });

  it('is refused when a handler is in a provider, where it would never be called', async () => {
    @Injectable()
    class Hidden {
      @HandleJob(MoveCrate)
      async move(): Promise<void> {}
    }
    @Module({ providers: [Hidden] })
    class HiddenModule {}
    await expect(bench.start({ topology, imports: [HiddenModule] })).rejects.toThrow(
      /crates\.move is in Hidden, which is no controller: decorate the class with @Controller/,
    );
  });

  it.each([
    ['a name in capitals', () => Recurring({ name: 'Stock', cron: '* * * * *' }), /lower case/],
    ['a cron that is none', () => Recurring({ name: 'stock', cron: 'often' }), /can't be read/],
    ['no such time zone', () => Recurring({ name: 'stock', cron: '* * * * *', timeZone: 'X' }), /not known/],
    ['no attempt', () => HandleJob(MoveCrate, { concurrency: 0 }), /positive integer/],
    ['a limit that is none', () => HandleJob(MoveCrate, { timeLimit: 'soon' }), /not a duration/],
    [
      'a transaction that is open too long',
      () => HandleJob(MoveCrate, { timeLimit: '10m' }),
      /must not be open for 10m: say transaction: 'deferred'/,
    ],
    ['a class that is no job', () => HandleJob(RecurringRun as never), /decorate it with @DefineJob/],
  ])('is refused with %s', (_what, decorate, problem) => {
    expect(decorate).toThrow(problem);
  });

  it.each([
    [{ pollIntervalMs: 5_000 }, /at most 1000/],
    [{ leaseMs: 10 }, /at least 300/],
    [{ concurrency: 0 }, /positive integer/],
    [{ retentionMs: Number.NaN }, /from 0 on/],
  ])('is refused with the options %j', (options, problem) => {
    const dataSource = createDataSource({
      url: bench.database.url,
      schema: 'x',
      entities: [],
      migrations: [],
    });
    const parts = {
      dataSource,
      topology,
      schemaBaseUrl: '',
      logger: new Logger(),
      onOutboxFilled: () => undefined,
    };
    expect(() => new ScheduledWork({ ...parts, options })).toThrow(MiswiredService);
    expect(() => new ScheduledWork({ ...parts, options })).toThrow(problem);
  });
});
