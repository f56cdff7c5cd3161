import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { eventually, testServers } from '@warren/testing';
import { Client } from 'pg';
import { ApiClient } from '../clients/api-client.ts';
import { startProcess } from '../processes/managed-process.ts';
import type { Endpoints } from '../system/endpoints.ts';
import { ScratchRepository } from './test/scratch-repository.ts';

jest.setTimeout(300_000); // a whole repository is generated into, checked and started

const SERVICE = 'parcel-service';
const EVENT = 'parcel.moved.v1';
const HANDLER_TEST = 'apps/email-service/src/test/parcel-moved.test.ts';

let scratch: ScratchRepository;
let before: Map<string, string>;
/** Paths of the sources that differ from what was there before. */
const changed = () =>
  [...scratch.sources()].filter(([path, text]) => before.get(path) !== text).map(([path]) => path);

beforeAll(() => {
  scratch = ScratchRepository.make();
  before = scratch.sources();
});

afterAll(() => scratch.remove());

describe('the generators, when they only tell or are used wrongly', () => {
  it('say how they are used, and change nothing', async () => {
    for (const generator of ['event', 'handler', 'service']) {
      const { code, output } = await scratch.generate(generator, '--help');
      expect([generator, code]).toEqual([generator, 0]);
      expect(output).toContain(`generate @warren/tools:${generator} [`);
    }
    expect(changed()).toEqual([]);
  });

  it('show with --dry-run what they would do, and change nothing', async () => {
    const { code, output } = await scratch.generate('service', SERVICE, '--dry-run');
    expect(code).toBe(0);
    expect(output).toContain(`CREATE apps/${SERVICE}/src/topology.ts`);
    expect(output).toContain('UPDATE tools/src/provision/rights.ts');
    expect(changed()).toEqual([]);
  });

  it('end with an error that says how to mend it, and change nothing', async () => {
    const { code, output, errors } = await scratch.generate('handler', 'order.placed.v1', '--service=nobody');
    expect(code).not.toBe(0);
    expect(output + errors).toContain(
      'there is no service "nobody". There are: email-service, file-worker, gateway, order-service',
    );
    expect(changed()).toEqual([]);
  });
});

describe('a service, its event and a handler of it, made by the generators', () => {
  beforeAll(async () => {
    const made = [
      await scratch.generate('service', SERVICE),
      await scratch.generate('event', 'parcel.moved', `--publisher=${SERVICE}`),
      await scratch.generate('handler', EVENT, '--service=email-service'),
    ];
    for (const { code, output, errors } of made) {
      if (code !== 0) throw new Error(`${output}\n${errors}`);
    }
    await scratch.run('node', ['tools/bootstrap.mjs', 'contracts', 'release']);
  });

  it('change what they have to, and no other source', () => {
    const named = changed().map((path) => path.replaceAll(/\d{13}/g, '<time>'));
    expect(named.sort()).toEqual(
      [
        `apps/${SERVICE}/README.md`,
        `apps/${SERVICE}/package.json`,
        `apps/${SERVICE}/src/app.module.ts`,
        `apps/${SERVICE}/src/handlers/user-registered.ts`,
        `apps/${SERVICE}/src/main.ts`,
        `apps/${SERVICE}/src/migrations/<time>-user-registered.ts`,
        `apps/${SERVICE}/src/test/health.test.ts`,
        `apps/${SERVICE}/src/test/user-registered.test.ts`,
        `apps/${SERVICE}/src/topology.ts`,
        `apps/${SERVICE}/tsconfig.json`,
        `apps/${SERVICE}/tsconfig.spec.json`,
        'apps/email-service/src/app.module.ts',
        'apps/email-service/src/handlers/parcel-moved.ts',
        'apps/email-service/src/migrations/<time>-parcel-moved.ts',
        HANDLER_TEST,
        'apps/email-service/src/topology.ts',
        'apps/gateway/assets/asyncapi.json',
        'docker-compose.yml',
        'docs/events/README.md',
        `docs/events/${EVENT}.md`,
        'docs/events/user.registered.v1.md',
        'e2e/package.json',
        `libs/contracts/released/${EVENT}.json`,
        'libs/contracts/src/index.ts',
        `libs/contracts/src/parcels/parcel-moved.v1.ts`,
        'libs/contracts/src/registry.ts',
        'package-lock.json',
        'README.md',
        'tools/src/provision/rights.ts',
        'tools/src/system/start-system.ts',
        'tsconfig.build.json',
        'tsconfig.json',
      ].sort(),
    );
  });

  it('compile, with all that names them', async () => {
    await scratch.run('node', ['node_modules/typescript7/bin/tsc', '-b']);
  });

  it('pass lint, and are laid out as Prettier would', async () => {
    const sources = changed().filter((path) => path.endsWith('.ts'));
    await scratch.run('eslint', ['--max-warnings=0', ...sources]);
    await scratch.run('oxlint', ['--type-aware', '--deny-warnings', ...sources]);
    await scratch.run('prettier', ['--check', ...changed()]);
  });

  it('have tests that pass on a real broker and database, and fit what the repository says of itself', async () => {
    const { amqpUrl, managementUrl, databaseUrl } = testServers();
    const { errors } = await scratch.run(
      'jest',
      [
        `apps/${SERVICE}`,
        HANDLER_TEST,
        'tools/src/docker',
        'tools/src/docs-links',
        'src/contracts/reference/reference-f',
      ],
      {
        env: {
          NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
          WARREN_TEST_AMQP_URL: amqpUrl,
          WARREN_TEST_AMQP_MANAGEMENT_URL: managementUrl,
          WARREN_TEST_DATABASE_URL: databaseUrl,
        },
      },
    );
    for (const test of [`apps/${SERVICE}/src/test/health.test.ts`, HANDLER_TEST])
      expect(errors).toContain(`PASS ${test}`);
  });

  it('are in the AsyncAPI document, with publisher and consumers', () => {
    const { channels, operations } = JSON.parse(scratch.read('apps/gateway/assets/asyncapi.json')) as {
      channels: Record<string, unknown>;
      operations: Record<string, { action: string }>;
    };
    expect(channels).toHaveProperty([EVENT, 'bindings', 'amqp', 'exchange', 'name'], 'parcels.events');
    const about = Object.entries(operations).filter(([name]) => name.endsWith(EVENT));
    expect(about.map(([name, { action }]) => [name, action]).sort()).toEqual([
      [`email-service.receive.${EVENT}`, 'receive'],
      [`${SERVICE}.send.${EVENT}`, 'send'],
    ]);
  });

  it('start with the system, with accounts of their own, and hear of what others do', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'warren-generated-'));
    const { amqpUrl, managementUrl, databaseUrl } = testServers();
    const suffix = `${process.pid}_${randomBytes(4).toString('hex')}`;
    const log: string[] = [];
    const system = await startProcess({
      command: process.execPath,
      args: [
        join(scratch.root, 'tools/src/generators/test/run-system.ts'),
        JSON.stringify({
          ...{ directory, amqpUrl, managementUrl, databaseUrl },
          ...{ vhost: `gen-${suffix}`, database: `gen_${suffix}`, accountPrefix: `gen_${suffix}_` },
        }),
      ],
      output: { onLine: (line) => log.push(line) },
      stop: [
        { signal: 'SIGTERM', patienceMs: 60_000 },
        { signal: 'SIGKILL', patienceMs: 5_000 },
      ],
    });
    try {
      const endpoints = await eventually(
        () => {
          const line = log.find((each) => each.startsWith('{"gateway"'));
          if (line) return JSON.parse(line) as Endpoints;
          throw new Error(`the system is not ready; it said:\n${log.slice(-40).join('\n')}`);
        },
        { timeoutMs: 120_000 },
      );
      const { url } = (endpoints.services as Record<string, { url: string }>)[SERVICE]!;
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);

      await new ApiClient(endpoints.gateway).newCustomer('Grace Hopper');
      const database = new Client({ connectionString: endpoints.database });
      await database.connect();
      try {
        await eventually(async () => {
          const { rows } = await database.query(
            `SELECT data ->> 'displayName' AS name FROM parcel_service.user_registered`,
          );
          expect(rows).toEqual([{ name: 'Grace Hopper' }]);
        });
      } finally {
        await database.end();
      }
    } finally {
      await system.stop();
      rmSync(directory, { recursive: true, force: true });
    }
    expect(system.exit).toEqual({ code: 0, signal: null });
  });
});
