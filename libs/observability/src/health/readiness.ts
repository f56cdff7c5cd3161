import { Inject, Injectable, Logger, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService, type HealthCheckResult } from '@nestjs/terminus';
import type { Dependency } from './dependency.ts';

export const DEPENDENCIES = Symbol('DEPENDENCIES');

/** How long a dependency may take to answer, in milliseconds, before it counts as down. */
const CHECK_TIMEOUT_MS = 2_000;

type Details = HealthCheckResult['details'];

/** Whether the service can be of use right now, and each dependency that has a say in it. */
@Injectable()
export class Readiness {
  readonly #logger = new Logger('Readiness');
  #stopping = false;
  #lastStatus: string | undefined;

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    @Inject(DEPENDENCIES) private readonly dependencies: readonly Dependency[],
  ) {}

  /** From now on the service counts as not ready, so that nobody sends it new work while it stops. */
  beginStop(): void {
    this.#stopping = true;
  }

  async check(): Promise<{ status: 'ok' | 'degraded' | 'error' | 'shutting_down'; details: Details }> {
    const { status, details } = await this.#ask();
    const current = this.#stopping ? 'shutting_down' : status;
    this.#tell(current, details);
    return { status: current, details };
  }

  async #ask(): Promise<HealthCheckResult> {
    try {
      return await this.health.check(this.dependencies.map((dependency) => () => this.#indicate(dependency)));
    } catch (error) {
      // Terminus reports a failed check as an exception that carries the result.
      if (error instanceof ServiceUnavailableException) return error.getResponse() as HealthCheckResult;
      throw error;
    }
  }

  async #indicate(dependency: Dependency) {
    const indicator = this.indicators.check(dependency.name);
    try {
      const { status, message } = await withDeadline(dependency.check());
      const data: Record<string, unknown> = message === undefined ? {} : { message };
      if (status === 'up') return indicator.up(data);
      return status === 'degraded' ? indicator.degraded(data) : indicator.down(data);
    } catch (error) {
      return indicator.down({ message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** Probes come every few seconds: only a change is news. */
  #tell(status: string, details: Details): void {
    if (status === this.#lastStatus) return;
    this.#lastStatus = status;
    if (status === 'ok') this.#logger.log('ready');
    else
      this.#logger.warn(
        `${status === 'degraded' ? 'ready, but degraded' : 'not ready'}: ${describe(details) || status}`,
      );
  }
}

/** What is wrong, in one line: `database: connection refused; queue x: the broker is away`. */
export function describe(details: Details): string {
  return Object.entries(details)
    .filter(([, { status }]) => status !== 'up')
    .map(([name, { status, message }]) => `${name}: ${(message as string | undefined) ?? status}`)
    .join('; ');
}

async function withDeadline<T>(answer: T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
