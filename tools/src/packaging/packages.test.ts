import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { jest } from '@jest/globals';
import {
  captureMessages,
  createTestBroker,
  createTestDatabase,
  eventually,
  publishRaw,
  testServers,
  type TestBroker,
  type TestDatabase,
} from '@warren/testing';
import { connect } from 'amqplib';
import { ROOT } from '../config.ts';
import { choosePort } from '../processes/ports.ts';
import { disagreements, packLibraries, publicLibraries } from './pack-libraries.ts';
import { EmptyProject } from './test/empty-project.ts';

// A registry that is far away may take its time.
jest.setTimeout(300_000);

const LIBRARIES = ['contracts', 'messaging', 'observability', 'redaction', 'testing'];

async function blocksOf(library: string, language: string): Promise<string[]> {
  const readme = await readFile(join(ROOT, 'libs', library, 'README.md'), 'utf8');
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, text]) => text!,
  );
}

/** What the README of a library tells to install. */
async function namedToInstall(library: string): Promise<string[]> {
  const commands = (await blocksOf(library, 'sh')).filter((text) => text.startsWith('npm install '));
  return commands
    .flatMap((text) => text.split(/[\s\\]+/).slice(2))
    .filter((word) => word !== '' && !word.startsWith('--'));
}

let project: EmptyProject;

beforeAll(async () => {
  project = await EmptyProject.create();
  const packed = await packLibraries(join(project.directory, 'packages'));
  const others = (await Promise.all(LIBRARIES.map(namedToInstall))).flat();
  for (const library of LIBRARIES) {
    const [quickStart] = await blocksOf(library, 'ts');
    await project.write(`src/${library}.ts`, quickStart!);
  }
  await project.install([
    ...packed,
    ...new Set(others.filter((name) => !name.startsWith('@warren/'))),
    'typescript',
    '@types/node',
  ]);
  await project.compile();
});

afterAll(() => project?.remove());

describe('the packed libraries', () => {
  it('are those that are not private', async () => {
    const names = (await publicLibraries()).map(({ manifest }) => manifest.name);
    expect(names).toEqual(LIBRARIES.map((library) => `@warren/${library}`));
  });

  it.each(LIBRARIES)('hold all that they speak of, and nothing of the workspace: %s', async (library) => {
    const directory = join('node_modules/@warren', library);
    const manifest = await project.read(join(directory, 'package.json'));
    expect(manifest).not.toMatch(/@warren\/source|devDependencies|"nx"|file:/);
    expect(await project.read(join(directory, 'LICENSE'))).toContain('MIT License');

    const readme = await project.read(join(directory, 'README.md'));
    const inside = [
      ...manifest.matchAll(/"\.\/([^"*]+\.\w+)"/g),
      ...readme.matchAll(/\]\((?!https?:|#)([^)]+)\)/g),
    ].map(([, path]) => path!);
    expect(inside).toContain('dist/index.js');
    const installed = join(project.directory, directory);
    expect(inside.filter((path) => !existsSync(join(installed, path)))).toEqual([]);

    const maps = globSync('dist/**/*.map', { cwd: installed });
    expect(maps.length).toBeGreaterThan(0);
    for (const map of maps) {
      const { sources } = JSON.parse(await project.read(join(directory, map))) as { sources: string[] };
      expect(sources.filter((source) => !existsSync(join(installed, dirname(map), source)))).toEqual([]);
    }
    expect(globSync('**/{test,*.test.*,*.tsbuildinfo,run-from-source.*}', { cwd: installed })).toEqual([]);
  });

  it('share with the application what there must be one copy of', async () => {
    const shared = [
      '@nestjs/common',
      '@nestjs/core',
      '@nestjs/microservices',
      '@opentelemetry/api',
      '@warren/contracts',
      'class-transformer',
      'class-validator',
      'pg',
      'reflect-metadata',
      'rxjs',
      'typeorm',
    ];
    // Ends with 1 when a peer is missing or of another version.
    const { output } = await project.npm('ls', ...shared, '--all', '--parseable');
    expect(output.trim().split('\n').toSorted()).toEqual(
      shared.map((name) => join(project.directory, 'node_modules', name)),
    );
  });

  it('are refused when they name each other by another version, or need what is private', () => {
    const library = (name: string, version: string, peerDependencies = {}) => ({
      directory: `libs/${name}`,
      manifest: { name: `@warren/${name}`, version, exports: {}, peerDependencies },
    });
    expect(
      disagreements([
        library('contracts', '0.2.0'),
        library('messaging', '0.2.0', { '@warren/contracts': '^0.1.0', '@warren/service': '^0.2.0' }),
      ]),
    ).toEqual([
      'libs/messaging needs @warren/contracts ^0.1.0, and that is 0.2.0: write "^0.2.0" in its package.json',
      'libs/messaging needs @warren/service, which is private: cut it, or publish it too',
    ]);
  });
});

describe('the quick start of a packed library', () => {
  let broker: TestBroker;
  let database: TestDatabase;

  beforeAll(async () => {
    [broker, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
  });

  afterAll(() => Promise.all([broker.close(), database.close()]));

  it('contracts: defines a message, refuses what breaks it and prints its schema', async () => {
    const [refused, schema] = (await project.run('contracts.js')).output.split('\n');
    expect(refused).toBe('parcel.moved.v1: /step');
    expect(JSON.parse(schema!)).toMatchObject({
      title: 'parcel.moved.v1',
      required: ['parcelId', 'step'],
      properties: { step: { type: 'integer', minimum: 0 } },
    });
  });

  it('messaging: makes its tables, and an event that was appended has its effect once', async () => {
    await broker.management.call('PUT', `/exchanges/${broker.vhost}/parcels.events`, {
      type: 'topic',
      durable: true,
    });
    const captured = await captureMessages(broker.url, 'parcels.events', '#');
    const lines: string[] = [];
    const service = await project.start(
      'messaging.js',
      { AMQP_URL: broker.url, DATABASE_URL: database.url },
      (line) => lines.push(line),
    );
    const connection = await connect(broker.url);
    try {
      await eventually(async () => {
        if (service.exit) throw new Error(`it ended with ${service.exit.code}:\n${lines.join('\n')}`);
        expect(await database.query('SELECT parcel_id, step FROM parcel_service.tracks')).toEqual([
          { parcel_id: 'p-1', step: 1 },
        ]);
      });
      const { body, properties } = await captured.next();
      await publishRaw(broker.url, 'parcels.events', 'parcel.moved.v1', body, {
        messageId: properties.messageId as string,
        contentType: properties.contentType as string,
        headers: properties.headers,
      });
      const channel = await connection.createChannel();
      const waiting = async () => (await channel.checkQueue('parcel-service.tracking')).messageCount;
      await eventually(async () => expect(await waiting()).toBe(0));

      // What it had in hand is settled by the stop: neither given back nor parked.
      expect(await service.stop()).toEqual({ code: 0, signal: null });
      expect(await waiting()).toBe(0);
      expect((await channel.checkQueue('parcel-service.tracking.dead')).messageCount).toBe(0);
    } finally {
      await service.stop();
      await Promise.all([captured.close(), connection.close()]);
    }

    const counts = await database.query(
      `SELECT (SELECT count(*) FROM parcel_service.parcels)::int AS parcels,
              (SELECT count(*) FROM parcel_service.tracks)::int AS tracks,
              (SELECT count(*) FROM parcel_service.inbox)::int AS inbox,
              (SELECT count(*) FROM parcel_service.outbox)::int AS outbox`,
    );
    expect(counts).toEqual([{ parcels: 1, tracks: 1, inbox: 1, outbox: 0 }]);
  });

  it('observability: writes logs and answers for its health and its metrics', async () => {
    const port = await choosePort(new Set());
    const lines: string[] = [];
    const service = await project.start('observability.js', { PORT: String(port) }, (line) =>
      lines.push(line),
    );
    try {
      const get = async (path: string) => {
        if (service.exit) throw new Error(`it ended with ${service.exit.code}:\n${lines.join('\n')}`);
        return (await fetch(`http://127.0.0.1:${port}${path}`)).text();
      };
      const ready = JSON.parse(await eventually(() => get('/health/ready'))) as object;
      expect(ready).toMatchObject({ status: 'degraded' });
      expect(await get('/metrics')).toMatch(/^process_cpu_time_total\{/m);
      expect(JSON.parse(lines[0]!)).toMatchObject({ service: 'parcel-service', level: 'info' });
    } finally {
      await service.stop();
    }
  });

  it('testing: makes a virtual host and a database, breaks the network, and leaves nothing', async () => {
    const { amqpUrl, managementUrl, databaseUrl } = testServers();
    const lines: string[] = [];
    const program = await project.start(
      'testing.js',
      {
        WARREN_TEST_AMQP_URL: amqpUrl,
        WARREN_TEST_AMQP_MANAGEMENT_URL: managementUrl,
        WARREN_TEST_DATABASE_URL: databaseUrl,
      },
      (line) => lines.push(line),
    );
    const { code } = await program.exited;
    expect({ code, lines }).toEqual({ code: 0, lines: [] });

    const vhosts = await broker.management.call<{ name: string }[]>('GET', '/vhosts');
    const databases = await database.query<{ datname: string }>('SELECT datname FROM pg_database');
    const left = [...vhosts.map(({ name }) => name), ...databases.map(({ datname }) => datname)];
    expect(left).toEqual(expect.arrayContaining([broker.vhost, database.name]));
    expect(left.filter((name) => new RegExp(`^test[-_]${program.pid}[-_]`).test(name))).toEqual([]);
  });
});
