import { DiscoveryService } from '@nestjs/core';
import { MiswiredService } from '../errors.ts';
import { WORK_METADATA, type WorkDescription } from './handle-job.ts';
import type { Jobs } from './jobs.ts';

/**
 * Looks, when the application is initialised, where handlers of jobs are. Nest calls those of controllers alone: one
 * in a provider would be silent.
 */
export class WorkDiscovery {
  readonly #discovery: DiscoveryService;
  readonly #jobs: Jobs;

  constructor(discovery: DiscoveryService, jobs: Jobs) {
    this.#discovery = discovery;
    this.#jobs = jobs;
  }

  /** @throws MiswiredService when a provider has handlers of jobs */
  onModuleInit(): void {
    const names = this.#discovery
      .getControllers()
      .flatMap(({ metatype }) => workOf(metatype).map(({ name }) => name));
    this.#jobs.handledHere(new Set(names));
    for (const { metatype } of this.#discovery.getProviders()) {
      const [misplaced] = workOf(metatype);
      if (misplaced) {
        throw new MiswiredService(
          `the handler of the job ${misplaced.name} is in ${metatype!.name}, which is no controller: decorate the class ` +
            'with @Controller() and list it in "controllers" of its module',
        );
      }
    }
  }
}

function workOf(metatype: Function | null | undefined): WorkDescription[] {
  const found: WorkDescription[] = [];
  let prototype = metatype?.prototype as object | undefined;
  while (prototype && prototype !== Object.prototype) {
    for (const key of Object.getOwnPropertyNames(prototype)) {
      // Not by prototype[key], which would call getters.
      const method: unknown = Object.getOwnPropertyDescriptor(prototype, key)?.value;
      if (typeof method !== 'function') continue;
      const description = Reflect.getMetadata(WORK_METADATA, method) as WorkDescription | undefined;
      if (description) found.push(description);
    }
    prototype = Object.getPrototypeOf(prototype) as object | undefined;
  }
  return found;
}
