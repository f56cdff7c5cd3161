import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

/** Which methods each URL knows: what Fastify's router does not tell. */
@Injectable()
export class KnownRoutes {
  readonly #routes: { method: string; pattern: RegExp }[] = [];

  /** Call it before routes are added. */
  watch(server: FastifyInstance): void {
    server.addHook('onRoute', ({ method, url }) => {
      const pattern = patternOf(url);
      for (const each of [method].flat()) this.#routes.push({ method: each, pattern });
    });
  }

  /** @param url with or without a query */
  methodsAt(url: string): string[] {
    const path = url.split('?', 1)[0]!;
    const methods = this.#routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(methods)].sort();
  }
}

function patternOf(route: string): RegExp {
  const source = route
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replace(/[^\w-]/g, '\\$&')))
    .join('/');
  return new RegExp(`^${source}$`);
}
