import { Injectable, type DynamicModule } from '@nestjs/common';
import { LoggerModule, NativeLogger } from 'nestjs-pino';
import type { Logger } from 'pino';

/** Where Nest tells, at every start, of each module, route and handler that it found. */
const CONTEXTS_OF_BOOT = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer']);

/** Nest's logger interface over pino: `log(message, { field: value })` puts the fields into the line. */
@Injectable()
export class NestLogger extends NativeLogger {
  override log(message: unknown, ...parameters: unknown[]): void {
    if (CONTEXTS_OF_BOOT.has(parameters.at(-1) as string)) this.debug(message, ...parameters);
    else super.log(message, ...parameters);
  }
}

/**
 * Makes Nest write through `logger`, once `app.useLogger(app.get(NestLogger))` was called.
 *
 * No request middleware is mounted: a line gets its correlation id from the logger's `context` function, and finished
 * requests are logged by the service's HTTP hooks, which know the route.
 */
export function loggingModule(logger: Logger): DynamicModule {
  const module = LoggerModule.forRoot({
    pinoHttp: { logger, autoLogging: false, wrapSerializers: false },
    forRoutes: [],
    nativeLogger: { structuredParams: true, flattenParams: true },
  });
  return {
    ...module,
    providers: [...(module.providers ?? []), NestLogger],
    exports: [...(module.exports ?? []), NestLogger],
  };
}
