import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { allContracts } from '@warren/contracts';
import { ROOT } from '../config.ts';
import { run, type RunResult } from '../processes/run.ts';
import { appsWithTopology, loadTopology } from '../topology/load-topologies.ts';
import { checkContracts } from './check.ts';
import { loadContracts } from './load-contracts.ts';
import { readReleased, RELEASED_DIRECTORY, type ReleasedContract } from './released.ts';
import { told } from './run.ts';
import { contract } from './test/edits.ts';
import { usersByType } from './who-uses.ts';

jest.setTimeout(240_000); // each command looks first whether something has to be built

describe('the contracts of this repository', () => {
  it('are as they were released: what breaks others belongs into a new version, the rest has to be recorded', () => {
    const result = checkContracts(readReleased(), loadContracts());
    expect(told(result)).toBe('The contracts are as they were released.');
  });
});

const trip = contract('event');
const tripV2: ReleasedContract = { ...trip, type: 'trip.booked.v2', routingKey: 'trip.booked.v2' };
const narrowed = contract('event', (draft) => {
  draft.properties['seats'].maximum = 5;
});

describe('checking contracts', () => {
  it('has nothing to say of what is as it was', () => {
    expect(checkContracts([trip], [trip])).toEqual({ broken: [], unrecorded: [] });
  });

  it('names contract, field and rule of what breaks others, and the version in which it may be done', () => {
    const { broken } = checkContracts([trip], [narrowed]);
    expect(broken).toEqual([
      expect.objectContaining({ contract: 'trip.booked.v1', pointer: '/seats', rule: 'maximum' }),
    ]);
    expect(broken[0]!.advice).toContain('make the change in trip.booked.v2 beside it');
    expect(checkContracts([trip, tripV2], [narrowed, tripV2]).broken[0]!.advice).toContain(
      'in trip.booked.v3',
    );
  });

  it('lets a new version stand beside the old one', () => {
    expect(checkContracts([trip], [trip, tripV2])).toEqual({
      broken: [],
      unrecorded: [{ contract: 'trip.booked.v2', change: 'new' }],
    });
  });

  it('asks to record what changed without hurting anybody', () => {
    const described = contract('event', (draft) => {
      draft.description = 'Better words.';
    });
    expect(checkContracts([trip], [described])).toEqual({
      broken: [],
      unrecorded: [{ contract: 'trip.booked.v1', change: 'changed' }],
    });
  });

  it('refuses that a contract goes, until it is retired, and that its name comes back', () => {
    expect(checkContracts([trip], []).broken).toEqual([
      expect.objectContaining({ contract: 'trip.booked.v1', pointer: '', rule: 'contract-removed' }),
    ]);
    const retired: ReleasedContract = { ...trip, retired: true };
    expect(checkContracts([retired], []).broken).toEqual([]);
    expect(checkContracts([retired], [trip]).broken).toEqual([
      expect.objectContaining({ contract: 'trip.booked.v1', rule: 'retired' }),
    ]);
  });
});

describe('who uses a contract', () => {
  it('is what the services say in their topologies: owners publish events and carry out commands', async () => {
    const topologies = await Promise.all(appsWithTopology().map((app) => loadTopology(app)));
    const users = usersByType(topologies, allContracts);
    for (const { type, kind, owner } of allContracts) {
      const side = kind === 'event' || kind === 'reply' ? 'publishes' : 'consumes';
      expect({ type, services: users.get(type)?.[side] }).toEqual({
        type,
        services: expect.arrayContaining([owner]),
      });
    }
  });
});

describe('npm run contracts', () => {
  const contracts = (...args: string[]): Promise<RunResult> =>
    run(process.execPath, [join(ROOT, 'tools/src/commands/contracts.ts'), ...args], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
      allowFailure: true,
    });

  it('checks, and finds nothing to say', async () => {
    expect(await contracts('check')).toMatchObject({
      code: 0,
      output: 'The contracts are as they were released.\n',
    });
    expect(JSON.parse((await contracts('check', '--json')).output)).toEqual({
      ok: true,
      broken: [],
      unrecorded: [],
      outdated: [],
    });
    expect(await contracts('docs')).toMatchObject({
      code: 0,
      output: 'The reference was current already.\n',
    });
  });

  it('lists contracts with their versions, owners and users', async () => {
    const { code, output } = await contracts('list', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(output)).toContainEqual({
      type: 'order.place.v1',
      kind: 'command',
      version: 1,
      owner: 'order-service',
      exchange: 'orders.commands',
      publishedBy: ['gateway'],
      consumedBy: ['order-service'],
      state: 'released',
    });
    const reply = (JSON.parse(output) as { type: string }[]).find(({ type }) => type === 'product.listed.v1');
    expect(reply).toMatchObject({ publishedBy: ['order-service'], consumedBy: ['gateway'] });
    expect((await contracts('list')).output).toMatch(
      /order\.placed\.v1 +event +1 +order-service +orders\.events/,
    );
  });

  it('retires nothing that is in use, and refuses what it does not know', async () => {
    expect(await contracts('release', '--retire', 'order.placed.v1')).toMatchObject({
      code: 64,
      errors: expect.stringContaining('still in the topology of order-service, gateway'),
    });
    expect(await contracts('release', '--retire', 'order.lost.v1')).toMatchObject({
      code: 64,
      errors: expect.stringContaining('order.lost.v1 was never released'),
    });
    expect(await contracts('check', '--retire', 'order.placed.v1')).toMatchObject({ code: 64 });
    expect(await contracts('sign')).toMatchObject({
      code: 64,
      errors: expect.stringContaining('"sign" is none of check, release, list, docs'),
    });
    expect(await contracts('--help')).toMatchObject({ code: 0, output: expect.stringContaining('release') });
  });
});

describe('releasing', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'warren-released-'));
    cpSync(RELEASED_DIRECTORY, directory, { recursive: true });
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const contracts = (...args: string[]): Promise<RunResult> =>
    run(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { runContracts } from ${JSON.stringify(join(ROOT, 'tools/src/contracts/run.ts'))};
         process.exitCode = await runContracts(process.argv.slice(2), process.argv[1]);`,
        directory,
        ...args,
      ],
      { env: { PATH: process.env['PATH'] }, allowFailure: true },
    );
  const file = (type: string) => join(directory, `${type}.json`);
  const edit = (type: string, change: (released: any) => void): void => {
    const released = JSON.parse(readFileSync(file(type), 'utf8')) as object;
    change(released);
    writeFileSync(file(type), JSON.stringify(released));
  };

  it('records what is new or changed without hurting anybody, and then has nothing to do', async () => {
    rmSync(file('email.sent.v1'));
    edit('order.placed.v1', (released) => delete released.schema.properties.total.description);
    expect(await contracts('check')).toMatchObject({
      code: 2,
      output: expect.stringMatching(/~ order\.placed\.v1 is changed\n {2}\+ email\.sent\.v1 is new/),
    });
    expect(await contracts('release')).toMatchObject({
      code: 0,
      output: 'recorded order.placed.v1\nrecorded email.sent.v1\n',
    });
    for (const type of ['email.sent.v1', 'order.placed.v1']) {
      expect(readFileSync(file(type), 'utf8')).toBe(
        readFileSync(join(RELEASED_DIRECTORY, `${type}.json`), 'utf8'),
      );
    }
    expect(await contracts('release')).toMatchObject({
      code: 0,
      output: 'Everything was recorded already.\n',
    });
  });

  it('records nothing while a change breaks somebody', async () => {
    rmSync(file('email.sent.v1'));
    edit(
      'order.placed.v1',
      (released) => (released.schema.$defs.PricedLine.properties.quantity.maximum = 50),
    );
    const broken = await contracts('check');
    expect(broken).toMatchObject({ code: 2 });
    expect(broken.output).toContain(
      '! /lines/*/quantity  maximum: was <= 50, is <= 100000: ' +
        'consumers of what is released would refuse what is published now\n' +
        '      leave order.placed.v1 as it is released, and make the change in order.placed.v2 beside it',
    );
    expect(await contracts('release')).toMatchObject({
      code: 2,
      errors: expect.stringContaining('Nothing was recorded.'),
    });
    expect(await contracts('check')).toEqual(broken);
  });

  it('retires what is gone from the sources, and remembers its name', async () => {
    writeFileSync(file('trip.booked.v1'), JSON.stringify(trip));
    expect(await contracts('check')).toMatchObject({
      code: 2,
      output: expect.stringContaining('npm run contracts -- release --retire trip.booked.v1'),
    });
    expect(await contracts('release', '--retire', 'trip.booked.v1')).toMatchObject({
      code: 0,
      output: 'retired trip.booked.v1\n',
    });
    expect(JSON.parse(readFileSync(file('trip.booked.v1'), 'utf8'))).toMatchObject({ retired: true });
    expect(await contracts('check')).toMatchObject({ code: 0 });
  });
});
