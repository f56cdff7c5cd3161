import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT, serviceEnvironment } from '../config.ts';
import { startProcess, type ManagedProcess } from '../processes/managed-process.ts';
import type { ProgramName } from './payment-sandbox.ts';

export interface ServiceProcessOptions {
  service: ProgramName;
  port: number;
  /** The variables that differ from service to service and from system to system. */
  environment: Record<string, string>;
  /** Each line that the service writes. */
  onLine: (line: string) => void;
}

/** The exit code of a service whose environment is missing something: https://man.freebsd.org/cgi/man.cgi?sysexits */
export const MISCONFIGURED = 78;

const POLL_MS = 200;

/** A little longer than a service takes for what it has in hand, which is WARREN_SHUTDOWN_SECONDS (20). */
const STOP_PATIENCE_MS = 25_000;

const SOURCE_MAPS = new URL('./source-maps.mjs', import.meta.url).href;

/** How the built program of a service is called. */
export function serviceCommand(
  service: ProgramName,
  environment: Record<string, string>,
  args: string[] = [],
) {
  const main = join(ROOT, 'apps', service, 'dist/main.js');
  if (!existsSync(main)) throw new Error(`${service} is not built: run \`npm run build\``);
  return {
    program: process.execPath,
    args: ['--import', SOURCE_MAPS, main, ...args],
    env: serviceEnvironment(environment),
  };
}

/** Starts the built program of a service. It is not ready yet: see {@link untilReady}. */
export async function startService(options: ServiceProcessOptions): Promise<ManagedProcess> {
  const environment = { ...options.environment, WARREN_HTTP_PORT: String(options.port) };
  const { program, args, env } = serviceCommand(options.service, environment);
  return startProcess({
    command: program,
    args,
    cwd: ROOT,
    env,
    output: { onLine: options.onLine },
    stop: [
      { signal: 'SIGTERM', patienceMs: STOP_PATIENCE_MS },
      { signal: 'SIGKILL', patienceMs: 5_000 },
    ],
  });
}

export interface UntilReadyOptions {
  /** Default 180,000: nobody waits that long, but a busy machine may take its time. */
  timeoutMs?: number;
  /** Gives up early, with its reason. */
  signal?: AbortSignal;
}

/**
 * Waits until a service says at /health/ready that it can do its job.
 *
 * @throws after the timeout, with what it said last.
 */
export async function untilReady(
  service: string,
  url: string,
  options: UntilReadyOptions = {},
): Promise<void> {
  const { timeoutMs = 180_000, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let last = 'it does not answer';
  while (performance.now() < deadline) {
    signal?.throwIfAborted();
    try {
      const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
      const body = await response.text();
      if (response.ok) return;
      last = `${response.status} ${body}`;
    } catch (error) {
      last =
        (error as Error).cause instanceof Error ? (error as { cause: Error }).cause.message : String(error);
    }
    await delay(POLL_MS);
  }
  throw new Error(`${service} is not ready after ${timeoutMs / 1000} s. ${url}/health/ready: ${last}`);
}
