import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { API_KEY, CALLBACK_SECRET, runSandbox, SandboxProcess } from './sandbox-process.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'warren-payments-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  WARREN_SANDBOX_API_KEY: API_KEY,
  WARREN_SANDBOX_CALLBACK_URL: 'http://127.0.0.1:9/callbacks',
  WARREN_SANDBOX_CALLBACK_SECRET: CALLBACK_SECRET,
  WARREN_SANDBOX_DIRECTORY: join(directory, 'payments'),
  WARREN_HTTP_PORT: '0',
  ...more,
});

describe('the command line', () => {
  it('explains itself', async () => {
    const { code, stdout, stderr } = await runSandbox(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('WARREN_SANDBOX_API_KEY  (required)');
    expect(stdout).toContain('WARREN_SANDBOX_SLOW_MS  (default 60000)');
    expect(stdout).toContain('WARREN_HTTP_PORT  (default 7084)');
  });

  it('ends with 64 for a command that it does not know', async () => {
    const { code, stderr } = await runSandbox(['declare']);
    expect(code).toBe(64);
    expect(stderr).toContain('unknown command "declare"');
  });
});

describe('the environment', () => {
  it('is told with all that is missing at once, and ends it with 78', async () => {
    const { code, stderr } = await runSandbox([], { WARREN_SANDBOX_API_KEY: '' });
    expect(code).toBe(78);
    for (const name of ['API_KEY', 'CALLBACK_URL', 'CALLBACK_SECRET', 'DIRECTORY']) {
      expect(stderr).toContain(`WARREN_SANDBOX_${name}  is missing`);
    }
  });

  it('is told with all that is wrong at once, and shows no secret', async () => {
    const { code, stderr } = await runSandbox(
      [],
      environment({
        WARREN_SANDBOX_API_KEY: 'hush-hush',
        WARREN_SANDBOX_CALLBACK_URL: 'http://user:hush-hush@example.com',
        WARREN_SANDBOX_CALLBACK_SECRET: 'whsec_hushhush',
        WARREN_SANDBOX_SLOW_MS: '0',
        WARREN_HTTP_PORT: '70000',
        WARREN_LOG_LEVEL: 'loud',
      }),
    );
    expect(code).toBe(78);
    expect(stderr).toContain('WARREN_SANDBOX_API_KEY  must be 16 to 256');
    expect(stderr).toContain('WARREN_SANDBOX_CALLBACK_URL  must have no user');
    expect(stderr).toContain(
      'WARREN_SANDBOX_CALLBACK_SECRET  must be "whsec_" and the base64 of 24 to 64 bytes',
    );
    expect(stderr).toContain('WARREN_SANDBOX_SLOW_MS  must be a whole number from 1');
    expect(stderr).toContain('WARREN_HTTP_PORT  must be a whole number from 0 to 65535');
    expect(stderr).toContain('WARREN_LOG_LEVEL');
    expect(stderr).not.toMatch(/hush/);
  });

  it('may not name a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await runSandbox([], environment({ WARREN_HTTP_PORT: String(port) }));
    server.close();
    expect(code).toBe(78);
    expect(stderr).toContain(`WARREN_HTTP_PORT  ${port} can not be had on 127.0.0.1 (EADDRINUSE)`);
  });

  it('may not name a directory that can not be used', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const { code, stderr } = await runSandbox([], environment({ WARREN_SANDBOX_DIRECTORY: file }));
    expect(code).toBe(78);
    expect(stderr).toContain(`WARREN_SANDBOX_DIRECTORY  can not be used: ${file}`);
  });

  it('may not name the directory of another sandbox that runs', async () => {
    const other = await SandboxProcess.start('http://127.0.0.1:9/callbacks');
    try {
      const { code, stderr } = await runSandbox([], other.environment);
      expect(code).toBe(78);
      expect(stderr).toContain(`WARREN_SANDBOX_DIRECTORY  is in use by another process: ${other.directory}`);
    } finally {
      await other.remove();
    }
  });

  it('may not name the directory of another version', async () => {
    const old = mkdtempSync(join(directory, 'old-'));
    const database = new DatabaseSync(join(old, 'sandbox.db'));
    database.exec('PRAGMA user_version = 99');
    database.close();
    const { code, stderr } = await runSandbox([], environment({ WARREN_SANDBOX_DIRECTORY: old }));
    expect(code).toBe(78);
    expect(stderr).toContain('holds payments of another version (99, not 1): empty it');
  });
});

describe('a running sandbox', () => {
  it('answers probes without the API key, and warns of nothing', async () => {
    const sandbox = await SandboxProcess.start('http://127.0.0.1:9/callbacks');
    try {
      const live = await fetch(`${sandbox.url}/health/live`);
      expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
      const ready = await fetch(`${sandbox.url}/health/ready`);
      expect(ready.status).toBe(200);
      expect(await ready.json()).toMatchObject({ details: { database: { status: 'up' } } });
      expect(sandbox.output).not.toMatch(/warning/i);
      expect(await sandbox.end('SIGTERM')).toEqual({ code: 0, signal: null });
    } finally {
      await sandbox.remove();
    }
  });
});
